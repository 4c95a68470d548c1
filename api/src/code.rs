//! The words by which a client's program tells errors apart.

use picus_items::ErrorKind;
use serde::{Serialize, Serializer};
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Why a request failed: stable words with one HTTP status each. A word is its variant's name in
/// `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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
    /// The item is not the one that `If-Match` or `If-None-Match` asks for.
    PreconditionFailed,
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
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The word that stands in the body's `code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The HTTP status (RFC 9110, RFC 6585).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJson
            | Self::NotAnObject
            | Self::ReservedAttribute
            | Self::InvalidAttributeName
            | Self::InvalidNumber
            | Self::NestingTooDeep
            | Self::MissingKey
            | Self::InvalidKey
            | Self::InvalidLimit
            | Self::InvalidCursor
            | Self::InvalidIdempotencyKey
            | Self::InvalidEvent
            | Self::BadRequest => 400,
            Self::ItemNotFound | Self::UnknownPath => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::IdempotencyConflict => 409,
            Self::PreconditionFailed => 412,
            Self::ItemTooLarge | Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Misdirected => 421,
            Self::Internal => 500,
            Self::Throttled | Self::Overloaded => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}

/// What the domain's errors are to a client.
impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidJson => Self::InvalidJson,
            ErrorKind::NotAnObject => Self::NotAnObject,
            ErrorKind::ReservedAttribute => Self::ReservedAttribute,
            ErrorKind::InvalidAttributeName => Self::InvalidAttributeName,
            ErrorKind::InvalidNumber => Self::InvalidNumber,
            ErrorKind::NestingTooDeep => Self::NestingTooDeep,
            ErrorKind::MissingKey => Self::MissingKey,
            ErrorKind::InvalidKey => Self::InvalidKey,
            ErrorKind::InvalidLimit => Self::InvalidLimit,
            ErrorKind::InvalidCursor => Self::InvalidCursor,
            ErrorKind::InvalidIdempotencyKey => Self::InvalidIdempotencyKey,
            ErrorKind::NotFound => Self::ItemNotFound,
            ErrorKind::IdempotencyConflict => Self::IdempotencyConflict,
            ErrorKind::PreconditionFailed => Self::PreconditionFailed,
            ErrorKind::TooLarge => Self::ItemTooLarge,
            ErrorKind::Throttled => Self::Throttled,
            ErrorKind::Overloaded => Self::Overloaded,
            ErrorKind::DeadlineExceeded => Self::DeadlineExceeded,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some("What is wrong, for programs: these words are stable."))
            .enum_values(Some(Self::all().map(Self::as_str)))
            .into()
    }
}

impl ToSchema for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status() {
        assert!(Code::all().count() > 20);
        assert!(Code::all().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn words_are_stable() {
        assert_eq!(Code::InvalidJson.as_str(), "invalid_json");
        assert_eq!(Code::UnsupportedMediaType.as_str(), "unsupported_media_type");
    }
}
