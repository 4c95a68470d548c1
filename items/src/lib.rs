//! The domain of Picus: JSON objects, their keys, and the DynamoDB table that keeps them.
//!
//! [`Item`] turns JSON into DynamoDB attribute values and back without losing a digit, and checks
//! DynamoDB's limits before any call is made. [`Table`] puts, gets, pages, scans and deletes.
//! Whatever goes wrong is an [`Error`]: a message for the client, and the cause for the log. A [`Room`] bounds
//! the memory that a request takes up meanwhile.

mod attributes;
mod connect;
mod credentials;
mod endpoint;
mod error;
mod failure;
mod gathered;
mod held_client;
mod item;
mod key;
mod number;
mod observe;
mod operation;
mod page;
mod parse;
mod reads;
mod remaining;
mod retries;
mod room;
mod size;
mod table;
mod turns;
mod user_agent;
mod warm;

pub use attributes::{Attributes, OBJECT_ID};
pub use connect::Settings;
pub use error::{Error, ErrorKind, NOT_THE_ITEM_MEANT};
pub use item::Item;
pub use key::{IdempotencyKey, Key};
pub use page::{Cursor, Limit, Page};
pub use retries::RetryMode;
pub use room::{Budget, Content, NoRoom, Room};
pub use table::{Position, Table};
