//! Reading a request's body: JSON, not too large, not too slow.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use picus_items::{Code, Error};
use tokio::time;

/// The bounds on a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
}

/// The whole body of a request that says it is JSON.
pub(crate) async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<Bytes, Error> {
    // Media types are case-insensitive and may have parameters (RFC 9110, 8.3.1).
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        let message = "The content type must be application/json";
        return Err(Error::new(Code::UnsupportedMediaType, message));
    }
    let announced = announced_length(request.headers());
    if announced.is_some_and(|announced| announced > limits.max_bytes as u64) {
        return Err(too_large(limits));
    }
    time::timeout(limits.timeout, collect(payload, limits))
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::RequestTimeout, "The body came too slowly")))
}

/// The length that a request says its body has.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(mut payload: Payload, limits: &BodyLimits) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error))?;
        if body.len() + chunk.len() > limits.max_bytes {
            return Err(too_large(limits));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(limits: &BodyLimits) -> Error {
    Error::new(Code::BodyTooLarge, format!("The body is larger than {} bytes", limits.max_bytes))
}

fn unreadable(error: &PayloadError) -> Error {
    Error::new(Code::BadRequest, "The body could not be read to its end")
        .with_source(error.to_string())
}
