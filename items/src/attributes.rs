//! The attributes of an item, as DynamoDB stores them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Attributes by name.
pub type Attributes = HashMap<String, AttributeValue>;

/// What an item's text and its values come to, as DynamoDB counts bytes, about.
pub(crate) fn extent(attributes: &Attributes) -> (usize, usize) {
    attributes.iter().fold((0, 0), |(bytes, values), (name, value)| {
        let (more_bytes, more_values) = extent_of(value);
        (bytes + name.len() + more_bytes, values + more_values)
    })
}

fn extent_of(value: &AttributeValue) -> (usize, usize) {
    let texts = |texts: &[String]| (texts.iter().map(String::len).sum(), texts.len());
    let (bytes, values) = match value {
        AttributeValue::S(text) | AttributeValue::N(text) => (text.len(), 0),
        AttributeValue::B(blob) => (blob.as_ref().len(), 0),
        AttributeValue::Ss(members) | AttributeValue::Ns(members) => texts(members),
        AttributeValue::Bs(members) => {
            (members.iter().map(|blob| blob.as_ref().len()).sum(), members.len())
        }
        AttributeValue::L(members) => members
            .iter()
            .map(extent_of)
            .fold((0, 0), |one, other| (one.0 + other.0, one.1 + other.1)),
        AttributeValue::M(members) => extent(members),
        _ => (0, 0),
    };
    // In the text, each value has its type beside it: `{"N":""},`.
    (bytes + 9, values + 1)
}

/// The table's partition key: the attribute that Picus itself adds.
pub const OBJECT_ID: &str = "object_id";
