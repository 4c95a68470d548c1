//! Responses, and the headers that all of them have.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use picus_local::server::{Body, full};
use serde_json::{Value, json};

/// Everything comes from the console itself, and nothing may frame it. It frames the page of the API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Why there is no answer, in words for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Bad(String),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("there is no {0}")]
    Unknown(String),
    #[error("use {0}")]
    Method(&'static str),
    /// It can't be done now.
    #[error("{0}")]
    NotNow(String),
    /// The system did not answer.
    #[error("{0}")]
    Gateway(String),
}

/// JSON, or why not.
pub(crate) type Answer = Result<Value, Refusal>;

/// A response with JSON.
pub(crate) fn json(answer: Answer) -> Response<Body> {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Bad(_) => StatusCode::BAD_REQUEST,
                Refusal::Forbidden(_) => StatusCode::FORBIDDEN,
                Refusal::Unknown(_) => StatusCode::NOT_FOUND,
                Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
                Refusal::NotNow(_) => StatusCode::CONFLICT,
                Refusal::Gateway(_) => StatusCode::BAD_GATEWAY,
            };
            (status, json!({ "error": refusal.to_string() }))
        }
    };
    let mut response = bytes("application/json", body.to_string().into());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}

/// A response with these bytes.
pub(crate) fn bytes(content_type: &'static str, body: Bytes) -> Response<Body> {
    of(content_type, full(body))
}

/// A response with this body.
pub(crate) fn of(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (RESOURCE_POLICY, "same-origin"),
        // Also the page: after a restart, another build may answer.
        (CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
