//! A connection's bytes, bounded as its [`Connection`] says.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use picus_items::{Content, NoRoom, Room};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{Bounds, Connection, LINGER, Phase};
use super::notice::{self, CLOSE};

/// What a connection may have of requests that are not whole, or sent ahead, before it is held by weight.
const FREE_AHEAD: usize = 16 * 1024;
/// The library makes requests of all that it has read, each many times as large as its shortest text. So it is given no
/// more than this before it has done so, and no more while a request without a body is answered.
const PIECE: usize = 2 * 1024;
/// It makes a buffer for each connection of all that it is given of a body at once.
const PIECE_OF_BODY: usize = 16 * 1024;

/// A stream that ends, for its reader, when its connection has taken too long. The library then
/// closes it, as if the client had left.
#[derive(Debug)]
pub(super) struct Stream<S> {
    inner: S,
    connection: Rc<Connection>,
    timer: Timer,
    /// What is held of that which is [ahead](Connection::ahead).
    ahead: Option<Room>,
    /// What the library was given and has not seen through yet.
    given: usize,
    slow: Slow,
    /// How much of a body is still read for nobody.
    unread_bytes: u64,
    /// How much of [`CLOSE`] has been sent in the place of an answer's end.
    closing: Option<usize>,
    /// Until when what a client still sends is read, after [`CLOSE`].
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
    /// Holds what has come and no request has taken, if it is much.
    fn hold_ahead(&mut self) -> Result<(), NoRoom> {
        let ahead = self.connection.ahead();
        if ahead <= FREE_AHEAD {
            self.ahead = None;
            return Ok(());
        }
        let room = self.ahead.get_or_insert_with(|| self.connection.bounds.memory.room());
        // As bytes, and as what the library makes of them.
        room.hold(Content::Body, 2 * ahead)
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Past the bound on bytes it waits, so that the client has the time to read its answer.
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
    /// Reads for a while what the client still sends. The library would close the connection at once, and what was
    /// not read would make that a reset, which can overtake the answer (RFC 9112, 9.6).
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // Nothing can be done about a connection that fails now.
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
        // The empty line that ends the head comes after the notice, which ends with it.
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

/// A client that takes its answer slowly.
#[derive(Debug, Default)]
struct Slow {
    /// Until when it has to take how much.
    window: Option<(Instant, usize)>,
    timer: Timer,
}

impl Slow {
    /// Lets a client have its time as long as it takes the least that it must. While the system takes all that it is
    /// given, nothing is slow.
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

/// A timer that is set at most once in a while: when it goes off before its time, it is set anew. So
/// a request that comes whole costs no timer of its own.
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
