//! The server: built, then run until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use picus_api::route::SLO_OF_SERVICE;
use picus_items::Table;
use picus_telemetry::{LatencySlo, Prometheus};

use crate::body::BodyLimits;
use crate::config::Config;
use crate::edge;
use crate::limits::Limits;
use crate::{routes, tcp_timeout};

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
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Application {
    /// Listens on the configured addresses. With port 0 the system chooses one.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub fn build(config: &Config, table: Table, prometheus: Prometheus) -> Result<Self, BindError> {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let table = Data::new(table);
        let limits = Data::new(Limits::new(config.max_in_flight, config.request_timeout));
        let body = Data::new(BodyLimits {
            max_bytes: config.max_body_bytes,
            timeout: config.client_timeout,
        });
        let objective = Data::new(LatencySlo::new(config.latency_objective, &SLO_OF_SERVICE));
        let stall_timeout = config.stall_timeout;
        let watched = prometheus.clone();
        let api = HttpServer::new(move || {
            // It is made once on each thread that serves, within the runtime of that thread.
            watched.watch(tokio::runtime::Handle::current().metrics());
            App::new()
                .app_data(objective.clone())
                .app_data(table.clone())
                .app_data(limits.clone())
                .app_data(body.clone())
                .configure(routes::configure)
                .wrap(from_fn(edge::edge))
        })
        .workers(config.workers)
        .keep_alive(config.keep_alive)
        .client_request_timeout(config.client_timeout)
        // A client that has gone takes its request with it.
        .h1_allow_half_closed(false)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect(move |connection, _| tcp_timeout::bound(connection, stall_timeout))
        .shutdown_timeout(config.shutdown_grace.as_secs().max(1))
        .shutdown_signal(async {
            // Told to stop, or left by an application that is gone.
            let _ = stopped.await;
        })
        .bind(config.address)
        .map_err(|source| BindError {
            address: config.address,
            setting: "PICUS_ADDRESS",
            source,
        })?;
        let metrics = HttpServer::new(move || {
            let prometheus = prometheus.clone();
            let scrape = move || {
                let text = prometheus.render();
                async { HttpResponse::Ok().content_type(Prometheus::CONTENT_TYPE).body(text) }
            };
            App::new().route("/metrics", web::get().to(scrape))
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
            address: first(&api.addrs(), config.address),
            api: api.run(),
            metrics_address: first(&metrics.addrs(), config.metrics_address),
            metrics: metrics.run(),
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

    /// Serves until `stop` resolves; then takes no more connections, lets the requests in flight
    /// end, and returns. The metrics are served until the last of them.
    ///
    /// # Errors
    /// What the system refuses a running server.
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let metrics = self.metrics.handle();
        let metrics_served = actix_web::rt::spawn(self.metrics);
        let told = self.stop;
        actix_web::rt::spawn(async move {
            stop.await;
            // The server that would hear it may have failed already.
            let _ = told.send(());
        });
        let outcome = self.api.await;
        metrics.stop(true).await;
        let _ = metrics_served.await;
        outcome
    }
}

fn first(addresses: &[SocketAddr], asked: SocketAddr) -> SocketAddr {
    addresses.first().copied().unwrap_or(asked)
}
