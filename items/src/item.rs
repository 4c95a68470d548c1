//! Items: JSON objects, as DynamoDB stores them.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use crate::attributes::{Attributes, OBJECT_ID};
use crate::error::Error;
use crate::number::{self, Decimal};
use crate::parse;
use crate::room::weight_of_json;
use crate::size::MAX_ITEM_BYTES;

/// A JSON object that DynamoDB can store, or has stored.
///
/// Its JSON keeps every digit of its numbers and sorts its names, so that the same item always gives the same text.
/// Other writers may have stored binary values, which become base64 (RFC 4648), and sets, which become arrays.
#[derive(Debug, Clone)]
pub struct Item {
    attributes: Attributes,
    /// The original text, if the item will be written. It is much smaller than the attributes.
    source: Option<Bytes>,
}

impl Item {
    /// Parses a request's body: any JSON object without an `object_id`.
    ///
    /// # Errors
    /// An error for the client, which names the place in the document and the limit.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Error> {
        let body = body.into();
        Ok(Self { attributes: parse::object(&body)?, source: Some(body) })
    }

    /// The most memory that an item uses while this body is parsed.
    #[must_use]
    pub fn weight(body: &[u8]) -> usize {
        // Each value counts for at least one byte.
        weight_of_json(body, MAX_ITEM_BYTES)
    }

    /// The item as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(256);
        self.append_json(&mut json);
        json
    }

    /// Appends the item as JSON.
    pub fn append_json(&self, json: &mut Vec<u8>) {
        object(&self.attributes, json);
    }

    /// An item that DynamoDB returned.
    pub(crate) fn stored(attributes: Attributes) -> Self {
        Self { attributes, source: None }
    }

    /// The attributes of an item that DynamoDB returned.
    pub(crate) fn into_stored(self) -> Attributes {
        self.attributes
    }

    /// The original text, for comparing the item later with a stored one.
    pub(crate) fn source(&self) -> Bytes {
        self.source.clone().unwrap_or_else(|| self.to_json().into())
    }

    /// The attributes to write, with this id.
    pub(crate) fn into_attributes(mut self, object_id: String) -> Attributes {
        self.attributes.insert(OBJECT_ID.to_owned(), AttributeValue::S(object_id));
        self.attributes
    }
}

/// Appends an item's JSON. Numbers do not go through `serde`, which would round them.
fn object(attributes: &Attributes, json: &mut Vec<u8>) {
    let mut members: Vec<_> = attributes.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    list(*b"{}", members, json, |(name, attribute), json| {
        text(name, json);
        json.push(b':');
        value(attribute, json);
    });
}

fn value(value: &AttributeValue, json: &mut Vec<u8>) {
    match value {
        AttributeValue::S(string) => text(string, json),
        AttributeValue::N(digits) => number(digits, json),
        AttributeValue::Bool(truth) => json.extend_from_slice(truth.to_string().as_bytes()),
        AttributeValue::L(values) => list(*b"[]", values, json, self::value),
        AttributeValue::M(members) => object(members, json),
        AttributeValue::B(bytes) => text(&base64(bytes), json),
        AttributeValue::Ss(texts) => {
            list(*b"[]", in_order(texts), json, |string, json| text(string, json));
        }
        AttributeValue::Ns(numbers) => {
            list(*b"[]", in_order(numbers), json, |digits, json| number(digits, json));
        }
        AttributeValue::Bs(values) => {
            list(*b"[]", in_order(values), json, |bytes, json| text(&base64(bytes), json));
        }
        // Null, and types that DynamoDB may add later.
        _ => json.extend_from_slice(b"null"),
    }
}

/// A set's members, sorted: DynamoDB promises no order, and the same item must give the same text.
fn in_order<T: AsRef<[u8]>>(set: &[T]) -> Vec<&T> {
    let mut members: Vec<_> = set.iter().collect();
    members.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    members
}

/// Appends `members` in brackets, with commas.
fn list<T>(
    [open, close]: [u8; 2],
    members: impl IntoIterator<Item = T>,
    json: &mut Vec<u8>,
    mut append: impl FnMut(T, &mut Vec<u8>),
) {
    json.push(open);
    for (at, member) in members.into_iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        append(member, json);
    }
    json.push(close);
}

fn text(text: &str, json: &mut Vec<u8>) {
    serde_json::to_writer(json, text).expect("a string becomes JSON, and memory takes it");
}

fn number(digits: &str, json: &mut Vec<u8>) {
    match number::to_json(digits) {
        Some(number) => json.extend_from_slice(number.as_bytes()),
        None => text(digits, json),
    }
}

fn base64(bytes: &Blob) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Whether `stored` is the item with this text, under any id.
pub(crate) fn is_of(source: &[u8], mut stored: Attributes) -> Result<bool, Error> {
    stored.remove(OBJECT_ID);
    Ok(same(&parse::object(source)?, &stored))
}

/// Whether two items are equal. DynamoDB may return a number in another notation.
fn same(one: &Attributes, other: &Attributes) -> bool {
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
        String::from_utf8(item.to_json()).unwrap()
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        let text = r#"{"a":[1,-2.5e-7,12345678901234567890123456789012345678],"b":{"é":"\n\"\\"},"c":null,"d":false}"#;
        assert_eq!(json(&Item::parse(text).unwrap()), text);
    }

    #[test]
    fn names_that_serde_json_reserves_are_ordinary_names() {
        let text =
            r#"{"$serde_json::private::Number":"1","a":{"$serde_json::private::RawValue":"{}"}}"#;
        assert_eq!(json(&Item::parse(text).unwrap()), text);
    }

    #[test]
    fn items_of_other_writers_are_returned() {
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
    fn a_set_is_always_shown_in_the_same_order() {
        let item = |order: fn(&mut [&str])| {
            let mut members = ["2", "10", "1"];
            order(&mut members);
            let texts: Vec<String> = members.iter().map(|&member| member.into()).collect();
            let blobs = members.iter().map(|&member| Blob::new(member)).collect();
            json(&Item::stored(Attributes::from([
                ("bs".into(), AttributeValue::Bs(blobs)),
                ("ns".into(), AttributeValue::Ns(texts.clone())),
                ("ss".into(), AttributeValue::Ss(texts)),
            ])))
        };
        assert_eq!(item(|_| {}), item(|members| members.reverse()));
    }

    #[test]
    fn items_are_equal_if_their_values_are() {
        let same = |one: &str, other: &str| {
            let read = |text: &str| parse::object(text.as_bytes()).unwrap();
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
