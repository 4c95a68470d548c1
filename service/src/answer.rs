//! What goes to a client, in pieces: what the HTTP library has in hand for a client that takes nothing is small,
//! and the rest is held by weight.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use picus_items::Room;

/// As much as the library is given at once.
pub(crate) const PIECE_BYTES: usize = 16 * 1024;

/// A body of a known length.
pub(crate) struct Answer {
    left: Bytes,
    _rooms: Option<[Room; 2]>,
}

impl Answer {
    /// One that holds `rooms` until its last byte.
    pub(crate) fn held(text: Bytes, rooms: [Room; 2]) -> Self {
        Self { left: text, _rooms: Some(rooms) }
    }

    /// One that is in memory in any case.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self { left: Bytes::from_static(text.as_bytes()), _rooms: None }
    }
}

/// Cuts the next piece off.
pub(crate) fn piece(text: &mut Bytes) -> Bytes {
    text.split_to(text.len().min(PIECE_BYTES))
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(piece(&mut self.left))))
    }
}
