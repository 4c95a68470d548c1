//! Reads a request's body: JSON, not too large and not too slow.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use picus_api::{Code, Error};
use picus_items::{Budget, Content, Room};
use picus_telemetry::Received;
use tokio::time::{self, Instant};

use crate::limits::SMALL_BYTES;
use crate::media_type::MediaType;

const JSON: &str = "application/json";
const IDENTITY: &str = "identity";

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
    /// The lowest rate in bytes per second, after [`GRACE`].
    pub(crate) least_rate: u32,
}

/// For this long, a body may come at any rate.
const GRACE: Duration = Duration::from_secs(3);

/// Reads the whole body of a request whose headers say that it is JSON.
pub(crate) async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
    room: &Room,
    receiving: &Budget,
) -> Result<Bytes, Error> {
    check_is_json(request.headers())?;
    let announced = announced_length(request.headers());
    if announced.is_some_and(|announced| announced > limits.max_bytes as u64) {
        return Err(too_large(limits));
    }
    let received = request.extensions().get::<Received>().cloned().unwrap_or_default();
    collect(payload, limits, &received, room, &receiving.room()).await
}

/// Refuses a body whose headers do not say that it is JSON in UTF-8, and names what is accepted (RFC 9110, 15.5.16).
fn check_is_json(headers: &HeaderMap) -> Result<(), Error> {
    let refusal = |message| Error::new(Code::UnsupportedMediaType, message);
    let media_type = refusal("The content type must be application/json");
    let mut types = headers.get_all(CONTENT_TYPE);
    let (Some(value), None) = (types.next(), types.next()) else {
        return Err(media_type.with_header("Accept", JSON));
    };
    let value = String::from_utf8_lossy(value.as_bytes());
    let read = MediaType::parse(&value).filter(|read| read.essence.eq_ignore_ascii_case(JSON));
    let Some(read) = read else {
        return Err(media_type.with_header("Accept", JSON));
    };
    let is_utf8 = |(name, value): &(&str, String)| {
        !name.eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8"].iter().any(|utf8| value.eq_ignore_ascii_case(utf8))
    };
    if !read.parameters.iter().all(is_utf8) {
        return Err(refusal("The charset must be UTF-8").with_header("Accept", JSON));
    }
    if !headers.get_all(CONTENT_ENCODING).all(is_plain) {
        let refusal = refusal("The body must be sent without a content encoding");
        return Err(refusal.with_header("Accept-Encoding", IDENTITY));
    }
    Ok(())
}

/// Whether a `Content-Encoding` lists no coding. An empty element does not count (RFC 9110, 5.6.1).
fn is_plain(codings: &HeaderValue) -> bool {
    let codings = String::from_utf8_lossy(codings.as_bytes());
    codings
        .split(',')
        .map(|coding| coding.trim_matches([' ', '\t']))
        .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(IDENTITY))
}

/// The body's length, from the headers.
fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(
    mut payload: Payload,
    limits: &BodyLimits,
    received: &Received,
    room: &Room,
    receiving: &Room,
) -> Result<Bytes, Error> {
    let begun = Instant::now();
    let mut body = BytesMut::new();
    loop {
        let end = begun + limits.time_for(body.len());
        let Ok(chunk) = time::timeout_at(end, payload.next()).await else {
            return Err(Error::new(Code::RequestTimeout, "The body came too slowly"));
        };
        let Some(chunk) = chunk else { return Ok(body.freeze()) };
        let chunk = chunk.map_err(|error| unreadable(&error))?;
        received.add(chunk.len());
        if body.len() + chunk.len() > limits.max_bytes {
            return Err(too_large(limits));
        }
        if body.capacity() < body.len() + chunk.len() {
            // The buffer doubles when it grows.
            let grown = 2 * (body.len() + chunk.len());
            room.hold(Content::Body, grown).map_err(picus_items::Error::from)?;
            if grown > SMALL_BYTES {
                receiving.hold(Content::Body, grown).map_err(picus_items::Error::from)?;
            }
            body.reserve(grown - body.len());
        }
        body.extend_from_slice(&chunk);
    }
}

impl BodyLimits {
    /// The longest time for a body of which this many bytes have come.
    fn time_for(&self, bytes: usize) -> Duration {
        let more =
            u64::try_from(bytes).unwrap_or(u64::MAX) * 1000 / u64::from(self.least_rate.max(1));
        self.timeout.min(GRACE + Duration::from_millis(more))
    }
}

fn too_large(limits: &BodyLimits) -> Error {
    Error::new(Code::BodyTooLarge, format!("The body is larger than {} bytes", limits.max_bytes))
}

fn unreadable(error: &PayloadError) -> Error {
    Error::new(Code::BadRequest, "The body could not be read to its end")
        .with_source(error.to_string())
}
