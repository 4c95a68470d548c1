//! Builds the server, and runs it until it is told to stop.

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

/// The most connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The system's buffer for a connection, in each direction. The system doubles it for its own use. It is enough for a
/// gigabit a second to a load balancer half a millisecond away.
const SOCKET_BYTES: usize = 64 * 1024;

/// Why an address can't be listened on.
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

/// The API, and its metrics at another address.
pub struct Application {
    api: Server,
    address: SocketAddr,
    metrics: Server,
    metrics_address: SocketAddr,
    /// Whether every response closes its connection.
    closing: Arc<AtomicBool>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Application {
    /// Listens on the configured addresses. With port 0, the system chooses a port. Each serving thread gets its own
    /// `table`.
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
        let max_connections = config.max_connections.div_ceil(config.workers);
        let bounds = wire::Bounds {
            max_connections,
            head_timeout: config.client_timeout,
            max_unread_bytes: config.max_body_bytes as u64,
            stall_timeout: config.stall_timeout,
            least_rate: config.least_rate,
            memory,
            closing: closing.clone(),
        };
        let watched = prometheus.clone();
        let app = move || {
            // Runs once on each serving thread, within its runtime.
            watched.watch(tokio::runtime::Handle::current().metrics());
            let table = table.clone();
            App::new()
                .app_data(objective.clone())
                .app_data(limits.clone())
                .app_data(body.clone())
                // Each thread has its own table, because a table's connections live in the thread's runtime. The
                // runtime ends with its thread's last request, even if other threads still have requests.
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
            .max_concurrent_connections(max_connections)
            .shutdown_timeout(drain.as_secs().max(1))
            .shutdown_signal(async {
                // Resolves when told to stop, or when the application is gone.
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

    /// Address and port of the API.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are served.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Serves until `stop` resolves. It then keeps accepting connections for the time that `stop` returned, because
    /// the load balancer may still send requests; each response closes its connection. After that it accepts no more
    /// connections, finishes the requests in flight, and returns. Metrics are served until the end.
    ///
    /// # Errors
    /// An I/O error of a running server.
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
            // The receiver may be gone, if the server failed already.
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
    // Accepted connections inherit this. The system's own limit is megabytes.
    settings.set_send_buffer_size(SOCKET_BYTES)?;
    settings.set_recv_buffer_size(SOCKET_BYTES)?;
    // More than the standard library's backlog, because all clients may connect at once.
    settings.listen(BACKLOG)?;
    Ok(socket)
}

fn first(addresses: &[SocketAddr], asked: SocketAddr) -> SocketAddr {
    addresses.first().copied().unwrap_or(asked)
}
