//! Reading a request's body: JSON, not too large, not too slow.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use picus_api::{Code, Error};
use picus_telemetry::Received;
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
    check_is_json(request)?;
    let announced = announced_length(request.headers());
    if announced.is_some_and(|announced| announced > limits.max_bytes as u64) {
        return Err(too_large(limits));
    }
    let received = request.extensions().get::<Received>().cloned().unwrap_or_default();
    time::timeout(limits.timeout, collect(payload, limits, &received))
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::RequestTimeout, "The body came too slowly")))
}

/// Refuses what is no JSON in UTF-8, by the word of its headers.
fn check_is_json(request: &HttpRequest) -> Result<(), Error> {
    let headers = request.headers();
    let refuse = |message| Err(Error::new(Code::UnsupportedMediaType, message));
    // Media types are case-insensitive and may have parameters (RFC 9110, 8.3.1).
    let is_json = request.content_type().eq_ignore_ascii_case("application/json");
    if !is_json || headers.get_all(CONTENT_TYPE).count() > 1 {
        return refuse("The content type must be application/json");
    }
    if !request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8") {
        return refuse("The charset must be UTF-8");
    }
    let is_plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).all(is_plain) {
        return refuse("The body must be sent without a content encoding");
    }
    Ok(())
}

/// The length that a request says its body has.
fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(
    mut payload: Payload,
    limits: &BodyLimits,
    received: &Received,
) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error))?;
        received.add(chunk.len());
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
