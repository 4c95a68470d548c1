//! What the stream of a connection and the requests on it know of each other.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use picus_items::Budget;
use tokio::time::Instant;

/// How long a connection may go on after an answer that came before its request's body was read, so
/// that the client meets the answer and not a reset (RFC 9112, 9.6).
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The bounds that all connections have.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The longest that a request's head may take.
    pub(crate) head_timeout: Duration,
    /// The most that is read of a body for which nobody waits.
    pub(crate) max_unread_bytes: u64,
    /// The longest that a client may take its answer more slowly than [`Bounds::least_rate`].
    pub(crate) stall_timeout: Duration,
    /// What a client must take each second, in bytes.
    pub(crate) least_rate: u32,
    /// Where heads of requests, and requests that are sent ahead, find their room.
    pub(crate) memory: Budget,
    /// Whether every answer closes its connection.
    pub(crate) closing: Arc<AtomicBool>,
}

impl Bounds {
    /// What a client must take of an answer within the time in which it may stall.
    pub(super) fn least_in_time(&self) -> usize {
        let millis = usize::try_from(self.stall_timeout.as_millis()).unwrap_or(usize::MAX);
        let rate = usize::try_from(self.least_rate).unwrap_or(usize::MAX);
        millis.saturating_mul(rate) / 1000
    }
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// The first request has not come. The library itself bounds its head, and answers 408.
    New,
    /// A request is being answered; whoever reads its body bounds it.
    Answering,
    /// Nothing has come of the next request.
    Idle,
    /// The next request's head has begun and must end by this time.
    Head(Instant),
    /// What still comes of a body is read for nobody, until this time, which is set at the end of the
    /// answer; then the connection closes.
    Unread(Option<Instant>),
}

/// One connection. It belongs to one thread.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) bounds: Bounds,
    phase: Cell<Phase>,
    /// Whether the connection closes after the request that is being answered, or was.
    must_close: Cell<bool>,
    /// Whether its client has gone.
    left: Cell<bool>,
    /// Bytes that have come and no request has taken: of heads that are not whole yet, and of requests that were
    /// sent ahead.
    ahead: Cell<usize>,
    /// Of the body of the request that is being answered, what has not been taken, as far as its length is known.
    body: Cell<Option<usize>>,
    /// Whether no more is read before the answer has been made.
    held_back: Cell<bool>,
    /// What waits for the stream.
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (phase, must_close) = (Cell::new(Phase::New), Cell::new(false));
        let (left, ahead, body) = (Cell::new(false), Cell::new(0), Cell::new(None));
        let (held_back, waker) = (Cell::new(false), RefCell::new(None));
        Self { bounds, phase, must_close, left, ahead, body, held_back, waker }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// A request's head of about this length is there.
    pub(super) fn begin_answer(&self, head: usize) {
        self.taken(head);
        if !self.is_unread() {
            self.phase.set(Phase::Answering);
        }
    }

    /// The last byte of an answer has been made.
    pub(super) fn end_answer(&self) {
        match self.phase.get() {
            Phase::Unread(None) => self.end_at(Instant::now() + LINGER),
            Phase::Unread(Some(_)) => {}
            _ => self.phase.set(Phase::Idle),
        }
        if self.held_back.take() {
            self.wake();
        }
    }

    /// Bytes have come.
    pub(super) fn received(&self, bytes: usize) {
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::Head(Instant::now() + self.bounds.head_timeout));
            // What came before has been taken, whatever the length of its head was.
            self.ahead.set(0);
        }
        self.ahead.set(self.ahead.get() + bytes);
    }

    /// A request has taken this many of the bytes that have come.
    pub(super) fn taken(&self, bytes: usize) {
        self.ahead.set(self.ahead.get().saturating_sub(bytes));
    }

    pub(super) fn ahead(&self) -> usize {
        self.ahead.get()
    }

    /// A body begins, of this length, or of one that its end will show.
    pub(super) fn begin_body(&self, length: Option<u64>) {
        let length = usize::try_from(length.unwrap_or(0)).unwrap_or(usize::MAX);
        self.body.set(Some(length));
    }

    /// A part of the body has been taken.
    pub(super) fn taken_of_body(&self, bytes: usize) {
        self.taken(bytes);
        self.body.set(self.body.get().map(|left| left.saturating_sub(bytes)));
    }

    /// Nothing of a body comes any more.
    pub(super) fn end_body(&self) {
        self.body.set(None);
    }

    pub(super) fn is_in_body(&self) -> bool {
        self.body.get().is_some()
    }

    /// What is still to come of the body, as far as its length is known.
    pub(super) fn body_to_come(&self) -> usize {
        self.body.get().unwrap_or(0).saturating_sub(self.ahead.get())
    }

    /// The client has closed its side.
    pub(super) fn leave(&self) {
        self.left.set(true);
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_left(&self) -> bool {
        self.left.get()
    }

    /// Nobody reads the rest of the body.
    pub(super) fn leave_unread(&self) {
        if !self.is_unread() {
            self.phase.set(Phase::Unread(None));
        }
    }

    /// Nothing more that comes is wanted.
    pub(super) fn end(&self) {
        self.end_at(Instant::now());
    }

    fn end_at(&self, end: Instant) {
        self.phase.set(Phase::Unread(Some(end)));
        // The stream has to set its timer.
        self.wake();
    }

    /// The connection closes after this answer.
    pub(super) fn close_after_answer(&self) {
        self.must_close.set(true);
    }

    /// Whether the answer that is ready now has to say that the connection closes.
    pub(super) fn say_close(&self) -> bool {
        let closing = || self.is_unread() || self.bounds.closing.load(Ordering::Relaxed);
        let closes = self.must_close.get() || closing();
        self.must_close.set(closes);
        closes
    }

    /// Whether an answer has said that the connection closes, if none is being made.
    pub(super) fn is_closed(&self) -> bool {
        self.must_close.get()
    }

    /// Remembers what waits for the stream.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut waiting = self.waker.borrow_mut();
        if !waiting.as_ref().is_some_and(|waiting| waiting.will_wake(waker)) {
            *waiting = Some(waker.clone());
        }
    }

    /// Remembers what waits for the stream until the answer has been made.
    pub(super) fn hold_back(&self, waker: &Waker) {
        self.held_back.set(true);
        self.wait(waker);
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn is_unread(&self) -> bool {
        matches!(self.phase.get(), Phase::Unread(_))
    }
}
