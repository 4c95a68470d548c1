//! Reads the table from the templates.

use serde::Deserialize;

use super::read::{DeploymentError, Reader};

pub(super) const KINDS: [&str; 1] = [TABLE];
const TABLE: &str = "AWS::DynamoDB::Table";

/// The table.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Table {
    pub name: String,
    /// The key's name. Its type is text.
    pub key: String,
}

pub(super) fn read(reader: &Reader) -> Result<Table, DeploymentError> {
    let table = reader.one::<TableResource>(TABLE)?;
    let TableResource { table_name, attribute_definitions, key_schema, .. } = table.properties;
    match (&attribute_definitions[..], &key_schema[..]) {
        ([attribute], [key]) if attribute.attribute_name == key.attribute_name => {
            Ok(Table { name: table_name, key: key.attribute_name.clone() })
        }
        _ => Err(DeploymentError::unsupported(&table.id, "not one attribute alone as the key")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TableResource {
    table_name: String,
    #[serde(rename = "BillingMode")]
    _billing_mode: BillingMode,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum BillingMode {
    PayPerRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    #[serde(rename = "AttributeType")]
    _attribute_type: AttributeType,
}

#[derive(Deserialize)]
enum AttributeType {
    #[serde(rename = "S")]
    Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    #[serde(rename = "KeyType")]
    _key_type: KeyType,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum KeyType {
    Hash,
}
