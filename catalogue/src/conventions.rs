//! OpenTelemetry's semantic conventions, as far as Picus keeps to them.

/// The version that names, units and attributes are those of.
pub const VERSION: &str = "1.44.0";

/// Where that version's schema is; traces carry it.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// How calls to DynamoDB are told from those to other databases.
pub const DB_SYSTEM_NAME: &str = "aws.dynamodb";
