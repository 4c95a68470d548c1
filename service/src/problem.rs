//! Errors on their way from an action to the edge.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use picus_items::{Code, Error};

/// An error, and the `Allow` that a 405 needs.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) error: Error,
    pub(crate) allow: Option<&'static str>,
}

impl Problem {
    /// A known path, another method (RFC 9110, 15.5.6).
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("This path knows {allow} alone");
        Self { error: Error::new(Code::MethodNotAllowed, message), allow: Some(allow) }
    }

    pub(crate) fn unknown_path() -> Self {
        Error::new(Code::UnknownPath, "Unknown path: see /openapi.json for those there are").into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { error, allow: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Only the status: the edge, which knows the request's ids, writes the response.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.error.code().status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
