//! What DynamoDB keeps of an item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Attributes by their names.
pub type Attributes = HashMap<String, AttributeValue>;

/// The partition key of the table: the attribute that Picus itself writes.
pub const OBJECT_ID: &str = "object_id";
