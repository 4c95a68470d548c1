//! An Application Load Balancer: a listener with rules, and target groups behind it (Elastic Load
//! Balancing, "Application Load Balancers").

mod answer;
mod event;
mod forward;
mod headers;
pub(crate) mod metrics;
mod rules;
mod target_group;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

use crate::cloudwatch::meter::Meter;
use crate::lambda::Lambda;
pub use forward::Forwarder;
pub use rules::{Condition, Listener, Rule};
pub use target_group::{HealthCheck, Target, TargetGroup};

/// How long connections may take to end when the load balancer stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's head.
const CLIENT_TIMEOUT: Duration = Duration::from_mins(1);

/// Where a rule sends a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// To one of the group's targets.
    Forward(Arc<TargetGroup>),
    /// To a function.
    Invoke {
        /// The function.
        function: Lambda,
        /// Whether headers and parameters are sent and taken with all their values.
        multi_value_headers: bool,
    },
}

/// A load balancer that serves.
#[derive(Debug)]
pub struct LoadBalancer {
    address: SocketAddr,
    stop: watch::Sender<()>,
    served: JoinHandle<()>,
}

impl LoadBalancer {
    /// Serves `listener` on `socket`, and tells `meter` of it.
    ///
    /// # Errors
    /// A socket without an address.
    pub fn start(socket: TcpListener, listener: Listener, meter: Meter) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let forwarder = Arc::new(Forwarder::new(listener, address.port(), meter));
        let (stop, stopped) = watch::channel(());
        let served = tokio::spawn(serve(socket, forwarder, stopped));
        Ok(Self { address, stop, served })
    }

    /// Where it listens.
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

async fn serve(socket: TcpListener, forwarder: Arc<Forwarder>, mut stopped: watch::Receiver<()>) {
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
        let forwarder = forwarder.clone();
        let answer = service_fn(move |request| {
            let forwarder = forwarder.clone();
            async move { Ok::<_, Infallible>(forwarder.answer(request, client).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(CLIENT_TIMEOUT)
            .serve_connection(TokioIo::new(connection), answer);
        // A client that breaks off has been told all there is to tell.
        tokio::spawn(connections.watch(connection));
    }
    drop(socket);
    let _ = time::timeout(STOP_TIMEOUT, connections.shutdown()).await;
}
