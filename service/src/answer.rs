//! Response bodies, sent in pieces. The HTTP library buffers only a small piece for a client that does not read. The
//! rest counts towards the request's memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use picus_items::Room;

/// The most bytes given to the library at once.
pub(crate) const PIECE_BYTES: usize = 16 * 1024;

/// A body of a known length.
pub(crate) struct Answer {
    left: Bytes,
    _rooms: Option<[Room; 2]>,
}

impl Answer {
    /// Keeps `rooms` until its last byte is sent.
    pub(crate) fn held(text: Bytes, rooms: [Room; 2]) -> Self {
        Self { left: text, _rooms: Some(rooms) }
    }

    /// A static text, which needs no memory of its own.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self { left: Bytes::from_static(text.as_bytes()), _rooms: None }
    }
}

/// Cuts off the next piece.
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
