//! The errors of items. Nothing here knows HTTP: `picus-api` turns them into responses.

use std::borrow::Cow;

use crate::room::NoRoom;

/// The message if a client's condition names another item.
pub const NOT_THE_ITEM_MEANT: &str = "The item is not the one that the request's condition names";

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not JSON, or not UTF-8.
    InvalidJson,
    /// The JSON is not an object.
    NotAnObject,
    /// The object names an attribute that Picus itself sets.
    ReservedAttribute,
    /// An attribute's name is empty, too long, or given twice in one object.
    InvalidAttributeName,
    /// DynamoDB can't hold this number.
    InvalidNumber,
    /// Objects and arrays are nested too deep.
    NestingTooDeep,
    /// There is no key.
    MissingKey,
    /// The key is too long or badly percent-encoded.
    InvalidKey,
    /// The limit is not a number in its range.
    InvalidLimit,
    /// The cursor was not made by Picus.
    InvalidCursor,
    /// The idempotency key is empty, too long, or not visible ASCII.
    InvalidIdempotencyKey,
    /// No item has this key.
    NotFound,
    /// The idempotency key was used for another item before.
    IdempotencyConflict,
    /// The item is not the one that the condition names, or a delete can't compare it.
    PreconditionFailed,
    /// The item is larger than DynamoDB's limit of 400 KB.
    TooLarge,
    /// DynamoDB throttled the call.
    Throttled,
    /// There is not enough memory at the moment.
    Overloaded,
    /// DynamoDB did not answer in time.
    DeadlineExceeded,
    /// Any other failure. The cause says which.
    Internal,
}

/// What went wrong with an item. The message is for the client. The cause, [`std::error::Error::source`], is for the
/// log.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause, for the log.
    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind, for programs.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The message, and the cause.
    #[must_use]
    pub fn into_parts(self) -> (Cow<'static, str>, Option<Source>) {
        (self.message, self.source)
    }
}

impl From<NoRoom> for Error {
    fn from(no_room: NoRoom) -> Self {
        Self::new(ErrorKind::Overloaded, "Too much is held in memory at this time, retry later")
            .with_source(no_room)
    }
}
