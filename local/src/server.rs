//! An HTTP server: takes connections until it is told to stop, and lets requests in flight end.

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

/// How long connections may take to end when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's head, or take nothing of an answer, where nothing else
/// is said.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest head of a request, as a load balancer has it ("Quotas for your Application Load
/// Balancers"), and the most that waits in memory for a client who takes it slowly.
pub(crate) const MAX_BUFFER: usize = 64 * 1024;

/// Why a body breaks off.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An answer's body: passed on as it comes, or made here.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is there as a whole.
#[must_use]
pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// An answer that does not come: the connection ends without it.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken off")]
pub struct BrokenOff;

/// A server that serves, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    /// Has each request that comes to `socket` answered by `answer`.
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

    /// The same; a client that sends no head, or takes nothing of its answer, is let go after so long.
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

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and lets requests in flight end.
    pub async fn stop(self) {
        drop(self.stop);
        // It can't panic, nor is it ever aborted.
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
            // Out of file descriptors, say: others may end.
            time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small answers must not wait for an acknowledgement; where it can't be had, they do.
        let _ = connection.set_nodelay(true);
        end_when_stalled(&connection, idle_timeout);
        let answer = answer.clone();
        let answer = service_fn(move |request| answer(request, client));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(connection), answer);
        // A client that breaks off has been told all there is to tell.
        tokio::spawn(connections.watch(connection));
    }
    drop(socket);
    let _ = time::timeout(STOP_TIMEOUT, connections.shutdown()).await;
}

/// Has the system end a connection whose peer takes nothing for so long (RFC 5482). The server itself
/// can't know: it is not asked for more while a connection takes no more.
#[cfg(target_os = "linux")]
fn end_when_stalled(connection: &TcpStream, timeout: Duration) {
    // Where it can't be had, a client may stall for as long as it likes.
    let _ = socket2::SockRef::from(connection).set_tcp_user_timeout(Some(timeout));
}

/// Only Linux has the bound.
#[cfg(not(target_os = "linux"))]
fn end_when_stalled(_: &TcpStream, _: Duration) {}
