//! State that a connection's stream and its requests share.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use picus_items::Budget;
use tokio::time::Instant;

use super::crowd::Seat;

/// How long a connection stays open after a response that came before the request's body was read, so that the client
/// sees the response and not a reset (RFC 9112, 9.6).
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The limits of every connection.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The most connections that each worker has.
    pub(crate) max_connections: usize,
    /// The longest time for a request's headers.
    pub(crate) head_timeout: Duration,
    /// The most bytes read of a body that nobody wants.
    pub(crate) max_unread_bytes: u64,
    /// How long a client may read a response more slowly than [`Bounds::least_rate`].
    pub(crate) stall_timeout: Duration,
    /// The lowest rate in bytes per second.
    pub(crate) least_rate: u32,
    /// The memory for headers, and for requests that arrive before their turn.
    pub(crate) memory: Budget,
    /// Whether every response closes its connection.
    pub(crate) closing: Arc<AtomicBool>,
}

impl Bounds {
    /// The bytes that a client must read within `stall_timeout`.
    pub(super) fn least_in_time(&self) -> usize {
        let millis = usize::try_from(self.stall_timeout.as_millis()).unwrap_or(usize::MAX);
        let rate = usize::try_from(self.least_rate).unwrap_or(usize::MAX);
        millis.saturating_mul(rate) / 1000
    }
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// The first request has not come. The library limits the time for its headers, and answers 408.
    New,
    /// A request is being answered. The reader of its body limits the body.
    Answering,
    /// Nothing of the next request has come.
    Idle,
    /// The next request's headers have begun, and must be complete by this time.
    Head(Instant),
    /// The rest of an unwanted body is read and discarded, until this time. The time is set at the end of the
    /// response. Then the connection closes.
    Unread(Option<Instant>),
}

/// One connection. It stays on one thread.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) bounds: Bounds,
    phase: Cell<Phase>,
    /// Whether the connection closes after the current request, or the last one.
    must_close: Cell<bool>,
    /// Whether the client has gone.
    left: Cell<bool>,
    /// Bytes received that no request has taken: of incomplete headers, and of requests that arrived before their
    /// turn.
    ahead: Cell<usize>,
    /// Bytes of the current request's body that are not taken yet; `None` if the length is unknown.
    body: Cell<Option<usize>>,
    /// Whether reading stops until the response is complete.
    held_back: Cell<bool>,
    seat: Rc<Seat>,
}

impl Connection {
    pub(super) fn new(bounds: Bounds, seat: Rc<Seat>) -> Self {
        let (phase, must_close) = (Cell::new(Phase::New), Cell::new(false));
        let (left, ahead, body) = (Cell::new(false), Cell::new(0), Cell::new(None));
        let held_back = Cell::new(false);
        Self { bounds, phase, must_close, left, ahead, body, held_back, seat }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// A request has come, with headers of about this length.
    pub(super) fn begin_answer(&self, head: usize) {
        self.taken(head);
        self.seat.busy();
        if !self.is_unread() {
            self.phase.set(Phase::Answering);
        }
    }

    /// The response's last byte has been produced.
    pub(super) fn end_answer(&self) {
        match self.phase.get() {
            Phase::Unread(None) => self.end_at(Instant::now() + LINGER),
            Phase::Unread(Some(_)) => {}
            _ => {
                self.phase.set(Phase::Idle);
                self.seat.idle();
            }
        }
        if self.held_back.take() {
            self.wake();
        }
    }

    /// Bytes have come.
    pub(super) fn received(&self, bytes: usize) {
        self.seat.busy();
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::Head(Instant::now() + self.bounds.head_timeout));
            // Everything before has been taken, so the estimate of the headers' length does not matter.
            self.ahead.set(0);
        }
        self.ahead.set(self.ahead.get() + bytes);
    }

    /// A request has taken this many of the received bytes.
    pub(super) fn taken(&self, bytes: usize) {
        self.ahead.set(self.ahead.get().saturating_sub(bytes));
    }

    pub(super) fn ahead(&self) -> usize {
        self.ahead.get()
    }

    /// A body begins. `None` if its length is unknown.
    pub(super) fn begin_body(&self, length: Option<u64>) {
        let length = usize::try_from(length.unwrap_or(0)).unwrap_or(usize::MAX);
        self.body.set(Some(length));
    }

    /// Part of the body has been taken.
    pub(super) fn taken_of_body(&self, bytes: usize) {
        self.taken(bytes);
        self.body.set(self.body.get().map(|left| left.saturating_sub(bytes)));
    }

    /// The body has ended.
    pub(super) fn end_body(&self) {
        self.body.set(None);
    }

    pub(super) fn is_in_body(&self) -> bool {
        self.body.get().is_some()
    }

    /// Bytes still to come of the body, if its length is known.
    pub(super) fn body_to_come(&self) -> usize {
        self.body.get().unwrap_or(0).saturating_sub(self.ahead.get())
    }

    /// The client has closed its side.
    pub(super) fn leave(&self) {
        self.left.set(true);
    }

    /// Whether nobody waits for the response any more.
    pub(crate) fn is_left(&self) -> bool {
        self.left.get()
    }

    /// Nobody reads the rest of the body.
    pub(super) fn leave_unread(&self) {
        if !self.is_unread() {
            self.phase.set(Phase::Unread(None));
        }
    }

    /// Everything that still comes is unwanted.
    pub(super) fn end(&self) {
        self.end_at(Instant::now());
    }

    fn end_at(&self, end: Instant) {
        self.phase.set(Phase::Unread(Some(end)));
        // The stream must set its timer.
        self.wake();
    }

    /// Close the connection after this response.
    pub(super) fn close_after_answer(&self) {
        self.must_close.set(true);
    }

    /// Whether the next response must say that the connection closes.
    pub(super) fn say_close(&self) -> bool {
        let closing = || {
            let told = self.bounds.closing.load(Ordering::Relaxed);
            told || self.is_unread() || self.seat.is_wanted()
        };
        let closes = self.must_close.get() || closing();
        self.must_close.set(closes);
        closes
    }

    /// Whether a response has announced the close, and no other is in progress.
    pub(super) fn is_closed(&self) -> bool {
        self.must_close.get()
    }

    /// Whether the idle connection must close, to make room for others.
    pub(super) fn is_let_go(&self) -> bool {
        self.seat.is_let_go()
    }

    /// Remembers the stream's waker.
    pub(super) fn wait(&self, waker: &Waker) {
        self.seat.wait(waker);
    }

    /// Remembers the stream's waker until the response is complete.
    pub(super) fn hold_back(&self, waker: &Waker) {
        self.held_back.set(true);
        self.wait(waker);
    }

    fn wake(&self) {
        self.seat.wake();
    }

    fn is_unread(&self) -> bool {
        matches!(self.phase.get(), Phase::Unread(_))
    }
}
