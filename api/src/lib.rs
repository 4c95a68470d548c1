//! The API as clients see it: paths, error codes with their statuses, response bodies, headers, and the OpenAPI
//! document.
//!
//! Service and delete handler answer with the same types, so that clients can't tell which of them answered. The
//! OpenAPI document is made from these types.

pub mod body;
mod code;
mod error;
pub mod headers;
mod openapi;
pub mod precondition;
pub mod route;

pub use code::Code;
pub use error::{Error, ErrorBody};
pub use openapi::document;
