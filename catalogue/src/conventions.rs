//! The part of OpenTelemetry's semantic conventions that Picus follows.

/// The version of the conventions that names, units and attributes follow.
pub const VERSION: &str = "1.44.0";

/// The schema of that version; traces carry this URL.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The value of `db.system.name` for calls to DynamoDB.
pub const DB_SYSTEM_NAME: &str = "aws.dynamodb";
