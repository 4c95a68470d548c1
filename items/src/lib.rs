//! The domain of Picus: JSON objects, their keys, and the DynamoDB table that keeps them.
//!
//! [`Item`] turns JSON into DynamoDB attribute values and back without losing a digit, and checks
//! DynamoDB's limits before any call is made. [`Table`] puts, gets, pages, scans and deletes.
//! Whatever goes wrong is an [`Error`]: what the client may read, and the cause for the log.

mod connect;
mod error;
mod item;
mod key;
mod number;
mod observe;
mod page;
mod parse;
mod size;
mod table;
mod user_agent;

pub use connect::Settings;
pub use error::{Code, Error, ErrorBody};
pub use item::{Attributes, Item};
pub use key::{IdempotencyKey, Key};
pub use page::{Cursor, Limit, Page};
pub use table::Table;

/// The partition key of the table: the attribute that Picus itself writes.
pub const OBJECT_ID: &str = "object_id";
