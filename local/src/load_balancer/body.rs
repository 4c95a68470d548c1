//! Streams bodies through the load balancer, and notices who stalls.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::{self, Instant, Sleep};

use super::target_group::InFlight;
use crate::server::BoxError;

/// The progress of a request's body.
#[derive(Debug)]
pub(super) struct Progress {
    last: Mutex<Instant>,
    awaited: AtomicBool,
    broken: AtomicBool,
}

impl Progress {
    /// A request whose body has not come yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            last: Mutex::new(Instant::now()),
            awaited: false.into(),
            broken: false.into(),
        })
    }

    /// Waits until nothing has moved for this long.
    pub(super) async fn idle(&self, timeout: Duration) {
        loop {
            let due = *self.last.lock() + timeout;
            if due <= Instant::now() {
                return;
            }
            time::sleep_until(due).await;
        }
    }

    /// Whether the client must send more.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst)
    }

    /// Whether the client broke off, or sent invalid HTTP.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

/// A client's body, for a target.
#[derive(Debug)]
pub(super) struct FromClient {
    pub(super) body: Incoming,
    pub(super) progress: Arc<Progress>,
}

impl Body for FromClient {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.progress.awaited.store(polled.is_pending(), Ordering::SeqCst);
        let frame = ready!(polled);
        *self.progress.last.lock() = Instant::now();
        if matches!(frame, Some(Err(_))) {
            self.progress.broken.store(true, Ordering::SeqCst);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A target began its response and stalled.
#[derive(Debug, thiserror::Error)]
#[error("the target stalls")]
struct TargetStalls;

/// A target's body, for the client. Until it is dropped, the request is in flight.
pub(super) struct FromTarget {
    body: Incoming,
    timeout: Duration,
    /// Runs while waiting for the target. While the client does not read, nobody asks the target.
    timer: Option<Pin<Box<Sleep>>>,
    _in_flight: InFlight,
}

impl FromTarget {
    pub(super) fn new(body: Incoming, timeout: Duration, in_flight: InFlight) -> Self {
        Self { body, timeout, timer: None, _in_flight: in_flight }
    }
}

impl Body for FromTarget {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(time::sleep(timeout)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(TargetStalls.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
