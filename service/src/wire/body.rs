//! A request's body, between the HTTP library and its reader.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, RequestHead, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::Bytes;
use futures_util::Stream;

use super::connection::Connection;

/// A body that tells its connection if it is not read to its end.
struct Body {
    payload: Payload,
    connection: Rc<Connection>,
    /// Bytes left, for a body whose end the library does not know.
    left: Option<u64>,
    ended: bool,
}

/// Tells the connection what happens to the request's body.
pub(super) fn watch(request: &mut ServiceRequest, connection: &Rc<Connection>) {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return;
    }
    connection.begin_body(length(request.head()));
    let left = length_beside_upgrade(request.head());
    let body = Body { payload, connection: connection.clone(), left, ended: false };
    request.set_payload(Payload::Stream { payload: Box::pin(body) });
}

/// After an offer to become a WebSocket, the library takes all following bytes for that protocol. The service never
/// accepts the offer, so the request ends where its length says (RFC 9110, 7.8; RFC 9112, 6.3).
fn length_beside_upgrade(head: &RequestHead) -> Option<u64> {
    if !head.headers().contains_key(UPGRADE) || head.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    Some(length(head).unwrap_or(0))
}

fn length(head: &RequestHead) -> Option<u64> {
    head.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.left == Some(0) {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut this.payload).poll_next(context));
        if let Some(Ok(bytes)) = &next {
            this.connection.taken_of_body(bytes.len());
        }
        Poll::Ready(match (next, &mut this.left) {
            (Some(Ok(mut bytes)), Some(left)) => {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
                Some(Ok(bytes))
            }
            (Some(Ok(bytes)), None) => Some(Ok(bytes)),
            (Some(Err(error)), _) => {
                // The library has given up the connection.
                this.connection.close_after_answer();
                Some(Err(error))
            }
            (None, _) => {
                this.ended = true;
                this.connection.end_body();
                None
            }
        })
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.connection.end_body();
        if !self.ended {
            self.connection.leave_unread();
        }
    }
}
