//! Sizes as DynamoDB counts them (Amazon DynamoDB Developer Guide, "DynamoDB item sizes and
//! formats"): names and strings by their UTF-8 bytes, numbers by their digits, and three bytes for
//! a list or map with one more for each of its entries.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::Attributes;
use crate::error::{Error, ErrorKind};
use crate::number::Decimal;

/// DynamoDB's limit for an item, its names included: 400 KB.
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// Refuses what DynamoDB would refuse for its size.
pub(crate) fn check(attributes: &Attributes) -> Result<(), Error> {
    let size: usize = attributes.iter().map(|(name, value)| name.len() + value_size(value)).sum();
    if size <= MAX_ITEM_BYTES {
        return Ok(());
    }
    let message = format!(
        "The item has {size} bytes as DynamoDB counts them, its object_id included; an item has at \
         most {MAX_ITEM_BYTES}"
    );
    Err(Error::new(ErrorKind::TooLarge, message))
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => Decimal::from_json(number).size(),
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>()
        }
        AttributeValue::M(values) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        // Booleans and null; JSON has no binary and no sets.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn size(json: &str) -> usize {
        let attributes = parse::object(json.as_bytes()).unwrap();
        attributes.iter().map(|(name, value)| name.len() + value_size(value)).sum()
    }

    #[test]
    fn sizes_are_counted_as_documented() {
        assert_eq!(size(r#"{"é":"é"}"#), 4);
        assert_eq!(size(r#"{"a":true,"b":null}"#), 4);
        assert_eq!(size(r#"{"a":[]}"#), 4);
        assert_eq!(size(r#"{"a":["x",42]}"#), 1 + 3 + 2 + 3);
        assert_eq!(size(r#"{"a":{"bc":"x"}}"#), 1 + 3 + 1 + 2 + 1);
    }

    #[test]
    fn four_hundred_kilobytes_are_the_most() {
        let item = |bytes: usize| {
            Attributes::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes - 1)))])
        };
        assert!(check(&item(409_600)).is_ok());
        assert_eq!(check(&item(409_601)).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
