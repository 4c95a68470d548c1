//! An item: a JSON object, in the form in which DynamoDB holds it.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::attributes::{Attributes, OBJECT_ID};
use crate::error::Error;
use crate::number::{self, Decimal};
use crate::parse;

/// A JSON object that DynamoDB can hold, or does hold.
///
/// It serialises to JSON with every digit of its numbers and its names in order, so that the same
/// item always gives the same text. Binary values, which only other writers make, become base64
/// (RFC 4648), and sets arrays.
#[derive(Debug, Clone)]
pub struct Item(Attributes);

impl Item {
    /// Reads a request's body: any JSON object without an `object_id`.
    ///
    /// # Errors
    /// An error of the client's that names the place in the document and the limit.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        parse::object(body).map(Self)
    }

    /// An item as DynamoDB returned it.
    pub(crate) fn stored(attributes: Attributes) -> Self {
        Self(attributes)
    }

    /// The attributes to write under `object_id`.
    pub(crate) fn into_attributes(mut self, object_id: String) -> Attributes {
        self.0.insert(OBJECT_ID.to_owned(), AttributeValue::S(object_id));
        self.0
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object(&self.0, serializer)
    }
}

fn object<S: Serializer>(attributes: &Attributes, serializer: S) -> Result<S::Ok, S::Error> {
    let mut members: Vec<_> = attributes.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let mut map = serializer.serialize_map(Some(members.len()))?;
    for (name, value) in members {
        map.serialize_entry(name, &Json(value))?;
    }
    map.end()
}

/// An attribute value, shown as JSON.
struct Json<'a>(&'a AttributeValue);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(text) => Number(text).serialize(serializer),
            AttributeValue::Bool(value) => serializer.serialize_bool(*value),
            AttributeValue::L(values) => serializer.collect_seq(values.iter().map(Json)),
            AttributeValue::M(members) => object(members, serializer),
            AttributeValue::B(bytes) => serializer.serialize_str(&base64(bytes)),
            AttributeValue::Ss(texts) => serializer.collect_seq(texts),
            AttributeValue::Ns(numbers) => {
                serializer.collect_seq(numbers.iter().map(|text| Number(text)))
            }
            AttributeValue::Bs(values) => serializer.collect_seq(values.iter().map(base64)),
            // Null, and what a later DynamoDB may bring.
            _ => serializer.serialize_unit(),
        }
    }
}

struct Number<'a>(&'a str);

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match number::to_json(self.0) {
            Some(number) => number.serialize(serializer),
            None => serializer.serialize_str(self.0),
        }
    }
}

fn base64(bytes: &Blob) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Whether two items say the same: DynamoDB may give a number back in another notation.
pub(crate) fn same(one: &Attributes, other: &Attributes) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(name, value)| other.get(name).is_some_and(|other| same_value(value, other)))
}

fn same_value(one: &AttributeValue, other: &AttributeValue) -> bool {
    match (one, other) {
        (AttributeValue::N(one), AttributeValue::N(other)) => {
            Decimal::from_json(one) == Decimal::from_json(other)
        }
        (AttributeValue::L(one), AttributeValue::L(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (AttributeValue::M(one), AttributeValue::M(other)) => same(one, other),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(item: &Item) -> String {
        serde_json::to_string(item).unwrap()
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        let text = r#"{"a":[1,-2.5e-7,12345678901234567890123456789012345678],"b":{"é":"\n\"\\"},"c":null,"d":false}"#;
        assert_eq!(json(&Item::parse(text.as_bytes()).unwrap()), text);
    }

    #[test]
    fn what_other_writers_left_is_shown() {
        let item = Item::stored(Attributes::from([
            ("b".into(), AttributeValue::B(Blob::new([0, 255]))),
            ("bs".into(), AttributeValue::Bs(vec![Blob::new("a"), Blob::new("b")])),
            ("n".into(), AttributeValue::N("odd".into())),
            ("ns".into(), AttributeValue::Ns(vec!["1".into(), "2.50".into()])),
            ("ss".into(), AttributeValue::Ss(vec!["x".into()])),
        ]));
        assert_eq!(
            json(&item),
            r#"{"b":"AP8=","bs":["YQ==","Yg=="],"n":"odd","ns":[1,2.50],"ss":["x"]}"#
        );
    }

    #[test]
    fn items_are_the_same_when_their_values_are() {
        let same = |one: &str, other: &str| {
            let read = |text: &str| Item::parse(text.as_bytes()).unwrap().0;
            same(&read(one), &read(other))
        };
        assert!(same(r#"{"a":[1.0,{"b":100}],"c":""}"#, r#"{"c":"","a":[1,{"b":1e2}]}"#));
        for other in
            [r#"{"a":2}"#, r#"{"a":"1"}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#, r#"{"a":[1]}"#, "{}"]
        {
            assert!(!same(r#"{"a":1}"#, other), "{other}");
            assert!(!same(other, r#"{"a":1}"#), "{other}");
        }
        assert!(!same(r#"{"a":[1]}"#, r#"{"a":[1,2]}"#));
    }
}
