//! A connection's bytes, bounded as its [`Connection`] says.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{Connection, Phase};
use super::notice::{self, CLOSE};

/// A stream that ends, for its reader, when its connection has taken too long. The library then
/// closes it, as if the client had left.
#[derive(Debug)]
pub(super) struct Stream<S> {
    inner: S,
    connection: Rc<Connection>,
    timer: Timer,
    /// How much of a body is still read for nobody.
    unread_bytes: u64,
    /// How much of [`CLOSE`] has been sent in the place of an answer's end.
    closing: Option<usize>,
}

impl<S> Stream<S> {
    pub(super) fn new(inner: S, connection: Rc<Connection>) -> Self {
        let unread_bytes = connection.bounds.max_unread_bytes;
        Self { inner, connection, timer: Timer::default(), unread_bytes, closing: None }
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
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        if read.is_ready() {
            if buffer.filled().len() > before {
                this.connection.received();
            }
            return read;
        }
        this.connection.wait(context.waker());
        if let Phase::Head(end) = this.connection.phase() {
            ready!(this.timer.until(end, context));
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
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
            return Pin::new(&mut this.inner).poll_write(context, bytes);
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
        Poll::Ready(Ok(end.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
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
