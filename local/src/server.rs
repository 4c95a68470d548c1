//! An HTTP server that finishes its requests before it stops.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

/// The longest wait for connections when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's headers, or stop reading a response, unless the caller says
/// otherwise.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest request headers, which is the load balancer's limit ("Quotas for your Application Load Balancers"),
/// and the most memory for a client that reads slowly.
pub(crate) const MAX_BUFFER: usize = 64 * 1024;

/// Why a body breaks off.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A body that is streamed, or made here.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A complete body.
#[must_use]
pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Instead of a response: the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken off")]
pub struct BrokenOff;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    /// Answers each request on `socket` with `answer`.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn start<A, F>(socket: TcpListener, answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Body>, BrokenOff>> + Send + 'static,
    {
        Self::with_idle_timeout(socket, IDLE_TIMEOUT, answer)
    }

    /// The same, but drops clients that send no headers or do not read for this long.
    pub(crate) fn with_idle_timeout<A, F>(
        socket: TcpListener,
        idle_timeout: Duration,
        answer: A,
    ) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Body>, BrokenOff>> + Send + 'static,
    {
        let address = socket.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let served = tokio::spawn(serve(socket, idle_timeout, answer, stopped));
        Ok(Self { address, stop, served })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, and finishes the requests in flight.
    pub async fn stop(self) {
        drop(self.stop);
        // The task never panics, and nobody aborts it.
        let _ = self.served.await;
    }
}

async fn serve<A, F>(
    socket: TcpListener,
    idle_timeout: Duration,
    answer: A,
    mut stopped: watch::Receiver<()>,
) where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, BrokenOff>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((connection, client)) = accepted else {
            // For example, no file descriptors are left. Others may close soon.
            time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small responses should not wait for an acknowledgement. If this fails, they do.
        let _ = connection.set_nodelay(true);
        end_when_stalled(&connection, idle_timeout);
        let answer = answer.clone();
        let answer = service_fn(move |request| answer(request, client));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(connection), answer);
        // If a client breaks off, nothing more needs to be said.
        tokio::spawn(connections.watch(connection));
    }
    drop(socket);
    let _ = time::timeout(STOP_TIMEOUT, connections.shutdown()).await;
}

/// Lets the system end a connection whose peer does not read for this long (RFC 5482). The server does not notice,
/// because nobody asks it for more data meanwhile.
#[cfg(target_os = "linux")]
fn end_when_stalled(connection: &TcpStream, timeout: Duration) {
    // If this fails, a client may stall for ever.
    let _ = socket2::SockRef::from(connection).set_tcp_user_timeout(Some(timeout));
}

/// Only Linux has this option.
#[cfg(not(target_os = "linux"))]
fn end_when_stalled(_: &TcpStream, _: Duration) {}
