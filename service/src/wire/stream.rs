//! A connection's byte stream, limited as its [`Connection`] says.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use picus_items::{Content, NoRoom, Room};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{Bounds, Connection, LINGER, Phase};
use super::notice::{self, CLOSE};

/// Bytes of incomplete or early requests that a connection may have without counting as memory.
const FREE_AHEAD: usize = 16 * 1024;
/// The library turns all bytes that it has into requests, each many times as large as its text. So it gets no more
/// than this before it has parsed them, and no more while it answers a request without a body.
const PIECE: usize = 2 * 1024;
/// The library gives each connection a buffer as large as the largest piece of a body.
const PIECE_OF_BODY: usize = 16 * 1024;

/// A stream that ends for its reader if its connection takes too long. The library then closes it, as if the client
/// had left.
#[derive(Debug)]
pub(super) struct Stream<S> {
    inner: S,
    connection: Rc<Connection>,
    timer: Timer,
    /// The memory of the bytes that are [ahead](Connection::ahead).
    ahead: Option<Room>,
    /// Bytes that the library has and has not parsed yet.
    given: usize,
    slow: Slow,
    /// How many more bytes of an unwanted body may be read.
    unread_bytes: u64,
    /// How much of [`CLOSE`] has been sent instead of the response's end.
    closing: Option<usize>,
    /// Until this time, bytes that the client sends after [`CLOSE`] are read.
    lingering_until: Option<Instant>,
}

impl<S> Stream<S> {
    pub(super) fn new(inner: S, connection: Rc<Connection>) -> Self {
        let unread_bytes = connection.bounds.max_unread_bytes;
        let (timer, slow) = (Timer::default(), Slow::default());
        Self {
            inner,
            connection,
            timer,
            ahead: None,
            given: 0,
            slow,
            unread_bytes,
            closing: None,
            lingering_until: None,
        }
    }

    pub(super) fn connection(&self) -> Rc<Connection> {
        self.connection.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Phase::Unread(end) = this.connection.phase() {
            this.connection.wait(context.waker());
            return this.read_for_nobody(end, context, buffer);
        }
        let answering = this.connection.phase() == Phase::Answering;
        let much = !this.connection.is_in_body() && this.connection.ahead() > PIECE;
        if answering && much {
            this.connection.hold_back(context.waker());
            return Poll::Pending;
        }
        if this.hold_ahead().is_err() {
            if answering {
                this.connection.hold_back(context.waker());
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
        let piece = this.connection.body_to_come().clamp(PIECE, PIECE_OF_BODY);
        let most = piece.saturating_sub(this.given);
        if most == 0 {
            this.given = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = read_at_most(most, &mut this.inner, context, buffer);
        if let Poll::Ready(outcome) = &read {
            match buffer.filled().len() - before {
                0 => this.connection.leave(),
                bytes if outcome.is_ok() => {
                    this.given += bytes;
                    this.connection.received(bytes);
                }
                _ => {}
            }
            return read;
        }
        this.given = 0;
        this.connection.wait(context.waker());
        if this.connection.is_let_go() {
            return Poll::Ready(Ok(()));
        }
        if let Phase::Head(end) = this.connection.phase() {
            ready!(this.timer.until(end, context));
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

fn read_at_most<S: AsyncRead + Unpin>(
    most: usize,
    inner: &mut S,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if most >= buffer.remaining() {
        return Pin::new(inner).poll_read(context, buffer);
    }
    let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
    ready!(Pin::new(inner).poll_read(context, &mut part))?;
    let read = part.filled().len();
    buffer.advance(read);
    Poll::Ready(Ok(()))
}

impl<S> Stream<S> {
    /// Counts early bytes as memory, if there are many.
    fn hold_ahead(&mut self) -> Result<(), NoRoom> {
        let ahead = self.connection.ahead();
        if ahead <= FREE_AHEAD {
            self.ahead = None;
            return Ok(());
        }
        let room = self.ahead.get_or_insert_with(|| self.connection.bounds.memory.room());
        // Twice: as bytes, and as the requests that the library makes of them.
        room.hold(Content::Body, 2 * ahead)
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Beyond the limit of bytes it waits, so that the client has time to read its response.
    fn read_for_nobody(
        &mut self,
        end: Option<Instant>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if end.is_some_and(|end| self.timer.until(end, context).is_ready()) {
            return Poll::Ready(Ok(()));
        }
        if self.unread_bytes == 0 {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        self.unread_bytes = self.unread_bytes.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Reads for a while what the client still sends. The library would close the connection at once, and unread
    /// bytes would turn that into a reset, which can overtake the response (RFC 9112, 9.6).
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // If the connection fails now, nothing can be done.
        let _ = ready!(Pin::new(&mut self.inner).poll_shutdown(context));
        let end = *self.lingering_until.get_or_insert_with(|| Instant::now() + LINGER);
        let mut piece = [0; 4096];
        while self.unread_bytes > 0 && self.timer.until(end, context).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.unread_bytes = self.unread_bytes.saturating_sub(buffer.filled().len() as u64);
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closing.is_none() && notice::is_missing(bytes) {
            this.closing = Some(0);
        }
        let Some(sent) = &mut this.closing else {
            let written = Pin::new(&mut this.inner).poll_write(context, bytes);
            return this.slow.judge(written, bytes.len(), &this.connection.bounds, context);
        };
        // The notice goes before the empty line that ends the headers, and has that line itself.
        let (before, end) = bytes.split_at(bytes.len().saturating_sub(2));
        if !before.is_empty() {
            return Pin::new(&mut this.inner).poll_write(context, before);
        }
        while *sent < CLOSE.len() {
            match ready!(Pin::new(&mut this.inner).poll_write(context, &CLOSE[*sent..]))? {
                0 => return Poll::Ready(Ok(0)),
                more => *sent += more,
            }
        }
        ready!(this.linger(context));
        Poll::Ready(Ok(end.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

/// Watches for a client that reads too slowly.
#[derive(Debug, Default)]
struct Slow {
    /// By this time the client must have read this many bytes.
    window: Option<(Instant, usize)>,
    timer: Timer,
}

impl Slow {
    /// Lets a client take its time as long as it reads at the lowest rate. As long as the system takes everything, no
    /// client is slow.
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        offered: usize,
        bounds: &Bounds,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) => {
                match &mut self.window {
                    Some((_, left)) if taken < offered && taken < *left => *left -= taken,
                    _ => self.window = None,
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let (end, _) = *self.window.get_or_insert_with(|| {
                    (Instant::now() + bounds.stall_timeout, bounds.least_in_time())
                });
                ready!(self.timer.until(end, context));
                let message = "the client takes its answer too slowly";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
            }
        }
    }
}

/// A timer that is set only now and then. If it goes off too early, it is set again. So a request that arrives whole
/// needs no timer of its own.
#[derive(Debug, Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once it is `end`.
    fn until(&mut self, end: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}
