//! The one error of Picus: what the client may read, and the cause, which only the log may.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use serde::Serialize;

/// How long a client is asked to wait before it tries again after a 503.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed, as a client's program may tell it: stable words with one HTTP status each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is not JSON, or not UTF-8.
    InvalidJson,
    /// The body is JSON, but no object.
    NotAnObject,
    /// The body names an attribute that Picus itself sets.
    ReservedAttribute,
    /// An attribute's name is empty, too long, or given twice in one object.
    InvalidAttributeName,
    /// A number that DynamoDB can't hold.
    InvalidNumber,
    /// Objects and arrays nested too deep.
    NestingTooDeep,
    /// The path has no key.
    MissingKey,
    /// The key is too long or badly percent-encoded.
    InvalidKey,
    /// `limit` is no number in its range, or is given twice.
    InvalidLimit,
    /// `cursor` was not handed out by this service, or comes without a limit.
    InvalidCursor,
    /// The `Idempotency-Key` header is empty, too long, or not visible ASCII.
    InvalidIdempotencyKey,
    /// What invoked the delete handler is no HTTP event that it knows.
    InvalidEvent,
    /// The HTTP request itself is malformed.
    BadRequest,
    /// No item has this key.
    ItemNotFound,
    /// No such path.
    UnknownPath,
    /// The path is known, the method is not.
    MethodNotAllowed,
    /// The client was too slow in sending its request.
    RequestTimeout,
    /// The `Idempotency-Key` was used for another body before.
    IdempotencyConflict,
    /// The item is larger than DynamoDB's 400 KB.
    ItemTooLarge,
    /// The body is larger than any item can be.
    BodyTooLarge,
    /// The content type is not `application/json`.
    UnsupportedMediaType,
    /// The request was sent to a server that does not answer for this path.
    Misdirected,
    /// DynamoDB asked to slow down.
    Throttled,
    /// As many requests as are allowed are being worked on.
    Overloaded,
    /// The answer was not there in time.
    DeadlineExceeded,
    /// Anything else; the log says what.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 26] = [
        Self::InvalidJson,
        Self::NotAnObject,
        Self::ReservedAttribute,
        Self::InvalidAttributeName,
        Self::InvalidNumber,
        Self::NestingTooDeep,
        Self::MissingKey,
        Self::InvalidKey,
        Self::InvalidLimit,
        Self::InvalidCursor,
        Self::InvalidIdempotencyKey,
        Self::InvalidEvent,
        Self::BadRequest,
        Self::ItemNotFound,
        Self::UnknownPath,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::IdempotencyConflict,
        Self::ItemTooLarge,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Misdirected,
        Self::Throttled,
        Self::Overloaded,
        Self::DeadlineExceeded,
        Self::Internal,
    ];

    /// The word that stands in the body's `code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.word_and_status().0
    }

    /// The HTTP status (RFC 9110, RFC 6585).
    #[must_use]
    pub const fn status(self) -> u16 {
        self.word_and_status().1
    }

    const fn word_and_status(self) -> (&'static str, u16) {
        match self {
            Self::InvalidJson => ("invalid_json", 400),
            Self::NotAnObject => ("not_an_object", 400),
            Self::ReservedAttribute => ("reserved_attribute", 400),
            Self::InvalidAttributeName => ("invalid_attribute_name", 400),
            Self::InvalidNumber => ("invalid_number", 400),
            Self::NestingTooDeep => ("nesting_too_deep", 400),
            Self::MissingKey => ("missing_key", 400),
            Self::InvalidKey => ("invalid_key", 400),
            Self::InvalidLimit => ("invalid_limit", 400),
            Self::InvalidCursor => ("invalid_cursor", 400),
            Self::InvalidIdempotencyKey => ("invalid_idempotency_key", 400),
            Self::InvalidEvent => ("invalid_event", 400),
            Self::BadRequest => ("bad_request", 400),
            Self::ItemNotFound => ("item_not_found", 404),
            Self::UnknownPath => ("unknown_path", 404),
            Self::MethodNotAllowed => ("method_not_allowed", 405),
            Self::RequestTimeout => ("request_timeout", 408),
            Self::IdempotencyConflict => ("idempotency_conflict", 409),
            Self::ItemTooLarge => ("item_too_large", 413),
            Self::BodyTooLarge => ("body_too_large", 413),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415),
            Self::Misdirected => ("misdirected", 421),
            Self::Throttled => ("throttled", 503),
            Self::Overloaded => ("overloaded", 503),
            Self::DeadlineExceeded => ("deadline_exceeded", 504),
            Self::Internal => ("internal", 500),
        }
    }
}

/// What went wrong with a request: a code and a text for the client, and, apart from these, the
/// cause, which [`std::error::Error::source`] gives to the log and no response ever carries.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    allow: Option<&'static str>,
    source: Option<Source>,
}

impl Error {
    /// An error whose `message` tells the client what to do.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), allow: None, source: None }
    }

    /// No such path.
    #[must_use]
    pub fn unknown_path() -> Self {
        Self::new(Code::UnknownPath, "Unknown path: see /openapi.json for those there are")
    }

    /// A known path, and another method than the one it has.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("This path knows {allow} alone");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, message) }
    }

    /// The same error, with its cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, with what a panic said as its cause.
    #[must_use]
    pub fn with_panic(self, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.with_source(format!("panic: {}", text.unwrap_or("of an unknown kind")))
    }

    /// What a client's program acts on.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What a person at the client reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error and its causes, outermost first: for the log alone.
    #[must_use]
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.fold(self.message.to_string(), |chain, cause| format!("{chain}: {cause}"))
    }

    /// The value of `Allow` (RFC 9110, 15.5.6), for every 405.
    #[must_use]
    pub fn allow(&self) -> Option<&'static str> {
        self.allow
    }

    /// The value of `Retry-After` (RFC 9110, 10.2.3), for every 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.code.status() == 503).then_some(RETRY_AFTER)
    }
}

/// The body of every error response, of the service and of the delete handler alike.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    error: &'a str,
    code: &'static str,
    trace_id: &'a str,
    request_id: &'a str,
}

impl<'a> ErrorBody<'a> {
    /// The body that tells a client of `error`, and by which ids the operators find the request.
    #[must_use]
    pub fn new(error: &'a Error, trace_id: &'a str, request_id: &'a str) -> Self {
        Self { error: error.message(), code: error.code().as_str(), trace_id, request_id }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_an_error_status() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn the_body_has_no_trace_of_the_cause() {
        let error = Error::new(Code::Internal, "Could not get item").with_source("arn:aws:secret");
        let body = serde_json::to_string(&ErrorBody::new(&error, "1-0-0", "r")).unwrap();
        assert_eq!(
            body,
            r#"{"error":"Could not get item","code":"internal","trace_id":"1-0-0","request_id":"r"}"#
        );
        assert_eq!(error.chain(), "Could not get item: arn:aws:secret");
    }

    #[test]
    fn only_a_503_asks_to_come_back() {
        for code in Code::ALL {
            assert_eq!(Error::new(code, "").retry_after().is_some(), code.status() == 503);
        }
    }
}
