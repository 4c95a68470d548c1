//! Error codes: the words by which a client's program tells errors apart.

use picus_items::ErrorKind;
use serde::{Serialize, Serializer};
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Why a request failed. Each code is a stable word with one HTTP status. The word is the variant's name in
/// `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// The body is not JSON, or not UTF-8.
    InvalidJson,
    /// The body is JSON, but not an object.
    NotAnObject,
    /// The body names an attribute that Picus itself sets.
    ReservedAttribute,
    /// An attribute's name is empty, too long, or given twice in one object.
    InvalidAttributeName,
    /// DynamoDB can't hold this number.
    InvalidNumber,
    /// Objects and arrays are nested too deep.
    NestingTooDeep,
    /// The path has no key.
    MissingKey,
    /// The key is too long or badly percent-encoded.
    InvalidKey,
    /// `limit` is not a number in its range, or comes twice.
    InvalidLimit,
    /// `cursor` was not made by this service, or comes without a limit.
    InvalidCursor,
    /// The `Idempotency-Key` header is empty, too long, or not visible ASCII.
    InvalidIdempotencyKey,
    /// The delete handler does not know this kind of event.
    InvalidEvent,
    /// The HTTP request itself is malformed.
    BadRequest,
    /// No item has this key.
    ItemNotFound,
    /// The path is unknown.
    UnknownPath,
    /// The path is known, but not with this method.
    MethodNotAllowed,
    /// The client sent its request too slowly.
    RequestTimeout,
    /// The `Idempotency-Key` was used for another body before.
    IdempotencyConflict,
    /// The item is not the one that `If-Match` or `If-None-Match` asks for.
    PreconditionFailed,
    /// The item is larger than DynamoDB's limit of 400 KB.
    ItemTooLarge,
    /// The body is larger than any item can be.
    BodyTooLarge,
    /// The content type is not `application/json`.
    UnsupportedMediaType,
    /// The request reached a program that does not serve this path.
    Misdirected,
    /// DynamoDB throttled the request.
    Throttled,
    /// Too many requests, or too many bytes, are in flight.
    Overloaded,
    /// The request took too long.
    DeadlineExceeded,
    /// Any other failure. The log has the cause.
    Internal,
}

impl Code {
    /// Every code.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The word in the body's `code`.
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

/// The codes for the domain's errors.
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
