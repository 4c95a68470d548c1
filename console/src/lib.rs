//! The console: a page that shows the local system as CloudWatch and X-Ray would, and that breaks it on demand.
//!
//! [`Console`] owns a running system. It counts the minutes of CloudWatch, which may last less than a minute, keeps
//! their metrics for a day, evaluates the deployed alarms, and answers the page's requests with JSON. Only this
//! machine reaches it.

mod alarms;
mod answer;
mod clients;
mod clock;
mod controls;
mod docs_page;
mod error;
mod events;
mod faults;
mod guard;
mod markdown;
mod page;
mod plant;
mod range;
mod routes;
mod runbooks;
mod state;
mod store;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::System;
use picus_local::server::Server;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use error::StartError;
use plant::Plant;

/// A running console.
pub struct Console {
    server: Server,
    plant: Arc<Plant>,
    running: JoinHandle<()>,
}

/// Opens this port for the console, or any other if it is taken.
///
/// # Errors
/// No port is free.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

impl Console {
    /// Shows `system`, which reports to `metrics`, at the address of `listener`.
    ///
    /// # Errors
    /// The deployed alarms can't be read, or the listener has no address.
    pub fn start(
        listener: TcpListener,
        system: System,
        metrics: MetricSink,
    ) -> Result<Self, StartError> {
        let plant = Arc::new(Plant::new(system, metrics)?);
        let console = Arc::new(routes::Console::new(plant.clone()));
        let server = Server::start(listener, move |request, _| {
            let console = console.clone();
            async move { Ok(console.answer(request).await) }
        })?;
        let runs = plant.clone();
        let running = tokio::spawn(async move { runs.run().await });
        Ok(Self { server, plant, running })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Stops the console and the system.
    pub async fn stop(self) {
        self.running.abort();
        self.plant.stop().await;
        self.server.stop().await;
    }
}
