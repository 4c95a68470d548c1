//! The server: built, then run until it is told to stop.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use picus_api::route::SLO_OF_SERVICE;
use picus_items::{Budget, Table};
use picus_telemetry::{LatencySlo, Prometheus};
use socket2::SockRef;

use crate::body::BodyLimits;
use crate::config::Config;
use crate::edge;
use crate::limits::Limits;
use crate::{routes, scrape, wire};

/// How many connections may wait to be taken.
const BACKLOG: i32 = 1024;

/// What the system keeps for a connection in each direction; it doubles this for its own use. It is enough for a
/// gigabit a second to a load balancer half a millisecond away.
const SOCKET_BYTES: usize = 64 * 1024;

/// Why a port could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({source}): free it, or set {setting} to another")]
pub struct BindError {
    address: SocketAddr,
    setting: &'static str,
    source: io::Error,
}

impl From<BindError> for io::Error {
    fn from(error: BindError) -> Self {
        Self::other(error)
    }
}

/// The API and, on an address of its own, its metrics.
pub struct Application {
    api: Server,
    address: SocketAddr,
    metrics: Server,
    metrics_address: SocketAddr,
    /// Whether every answer closes its connection.
    closing: Arc<AtomicBool>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Application {
    /// Listens on the configured addresses. With port 0 the system chooses one. Each thread that
    /// serves works on a `table` of its own.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub fn build<T>(
        config: &Config,
        table: impl Fn() -> T + Clone + Send + 'static,
        prometheus: Prometheus,
    ) -> Result<Self, BindError>
    where
        T: Future<Output = Table> + 'static,
    {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let memory = Budget::new(config.max_bytes_in_flight);
        let limits = Limits::new(config.max_in_flight, &memory, config.request_timeout);
        let limits = Data::new(limits);
        let body = Data::new(BodyLimits {
            max_bytes: config.max_body_bytes,
            timeout: config.client_timeout,
            least_rate: config.least_rate,
        });
        let objective = Data::new(LatencySlo::new(config.latency_objective, &SLO_OF_SERVICE));
        let closing = Arc::new(AtomicBool::new(false));
        let bounds = wire::Bounds {
            head_timeout: config.client_timeout,
            max_unread_bytes: config.max_body_bytes as u64,
            stall_timeout: config.stall_timeout,
            least_rate: config.least_rate,
            memory,
            closing: closing.clone(),
        };
        let watched = prometheus.clone();
        let app = move || {
            // It is made once on each thread that serves, within the runtime of that thread.
            watched.watch(tokio::runtime::Handle::current().metrics());
            let table = table.clone();
            App::new()
                .app_data(objective.clone())
                .app_data(limits.clone())
                .app_data(body.clone())
                // Each thread has a table of its own: its connections live in that thread's runtime,
                // which ends when no request of that thread is left, whatever others still do.
                .data_factory(move || {
                    let table = table();
                    async move { Ok::<_, Infallible>(table.await) }
                })
                .configure(routes::configure)
                .wrap(from_fn(wire::host::check))
                .wrap(from_fn(edge::edge))
                .wrap(from_fn(wire::guard))
        };
        let fail = |source| BindError { address: config.address, setting: "PICUS_ADDRESS", source };
        let socket = listen(config.address).map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        let drain = config.shutdown_grace.saturating_sub(config.shutdown_delay);
        let server = Server::build()
            .workers(config.workers)
            .max_concurrent_connections(config.max_connections.div_ceil(config.workers))
            .shutdown_timeout(drain.as_secs().max(1))
            .shutdown_signal(async {
                // Told to stop, or left by an application that is gone.
                let _ = stopped.await;
            });
        let api = wire::listen(server, socket, bounds, config.keep_alive, app);
        let api = api.map_err(fail)?;
        let metrics = HttpServer::new(move || {
            let prometheus = prometheus.clone();
            App::new().configure(|app| scrape::configure(app, prometheus.clone()))
        })
        .workers(1)
        .disable_signals()
        .bind(config.metrics_address)
        .map_err(|source| BindError {
            address: config.metrics_address,
            setting: "OTEL_EXPORTER_PROMETHEUS_PORT",
            source,
        })?;
        Ok(Self {
            address,
            api: api.run(),
            metrics_address: first(&metrics.addrs(), config.metrics_address),
            metrics: metrics.run(),
            closing,
            stop,
        })
    }

    /// Where the API is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are served.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Serves until `stop` resolves, and then for as long as it says: whoever sends requests here may
    /// not have noticed yet, and learns from every answer that its connection closes. After that it
    /// takes no more connections, lets the requests in flight end, and returns. The metrics are served
    /// until the last of them.
    ///
    /// # Errors
    /// What the system refuses a running server.
    pub async fn run_until(
        self,
        stop: impl Future<Output = Duration> + Send + 'static,
    ) -> io::Result<()> {
        let metrics = self.metrics.handle();
        let metrics_served = actix_web::rt::spawn(self.metrics);
        let (told, closing) = (self.stop, self.closing);
        actix_web::rt::spawn(async move {
            let delay = stop.await;
            closing.store(true, Ordering::Relaxed);
            tokio::time::sleep(delay).await;
            // The server that would hear it may have failed already.
            let _ = told.send(());
        });
        let outcome = self.api.await;
        metrics.stop(true).await;
        let _ = metrics_served.await;
        outcome
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    let settings = SockRef::from(&socket);
    // Connections have them from here. Left to itself, the system lets each one's grow to megabytes.
    settings.set_send_buffer_size(SOCKET_BYTES)?;
    settings.set_recv_buffer_size(SOCKET_BYTES)?;
    // More than the standard library lets wait: all clients may come at once.
    settings.listen(BACKLOG)?;
    Ok(socket)
}

fn first(addresses: &[SocketAddr], asked: SocketAddr) -> SocketAddr {
    addresses.first().copied().unwrap_or(asked)
}
