//! The attributes of an item, as DynamoDB stores them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Attributes by name.
pub type Attributes = HashMap<String, AttributeValue>;

/// The table's partition key: the attribute that Picus itself adds.
pub const OBJECT_ID: &str = "object_id";
