//! What clients see, stated once: paths, error codes with their statuses, response bodies and headers,
//! and the OpenAPI document of all of it.
//!
//! The service and the delete handler answer with these types, so that a client can't tell which of
//! them answered, and the document describes the very types that are serialized.

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
