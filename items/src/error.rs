//! What can go wrong with items. Nothing here knows HTTP: `picus-api` turns it into a response.

use std::borrow::Cow;

use crate::room::NoRoom;

/// What a client is told whose condition names another item.
pub const NOT_THE_ITEM_MEANT: &str = "The item is not the one that the request's condition names";

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not JSON, or not UTF-8.
    InvalidJson,
    /// The JSON is no object.
    NotAnObject,
    /// The object names an attribute that Picus itself sets.
    ReservedAttribute,
    /// An attribute's name is empty, too long, or given twice in one object.
    InvalidAttributeName,
    /// A number that DynamoDB can't hold.
    InvalidNumber,
    /// Objects and arrays nested too deep.
    NestingTooDeep,
    /// There is no key.
    MissingKey,
    /// The key is too long or badly percent-encoded.
    InvalidKey,
    /// The limit is no number in its range.
    InvalidLimit,
    /// The cursor was not made here.
    InvalidCursor,
    /// The idempotency key is empty, too long, or not visible ASCII.
    InvalidIdempotencyKey,
    /// No item has this key.
    NotFound,
    /// The idempotency key was used for another item before.
    IdempotencyConflict,
    /// The item is not the one that it was to be, or can't be held to be.
    PreconditionFailed,
    /// The item is larger than DynamoDB's 400 KB.
    TooLarge,
    /// DynamoDB asked to slow down.
    Throttled,
    /// There is no room in memory for it at this time.
    Overloaded,
    /// DynamoDB did not answer in time.
    DeadlineExceeded,
    /// Anything else; the cause says what.
    Internal,
}

/// What went wrong with an item: a text for whoever sent it, and, apart from that, the cause, which
/// [`std::error::Error::source`] gives to the log.
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

    /// The same error, with its cause for the log.
    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a program acts on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a person reads.
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
