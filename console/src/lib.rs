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
mod dashboards;
mod docs_page;
mod error;
mod events;
mod exemplars;
mod faults;
mod guard;
mod logs;
mod markdown;
mod overview;
mod page;
mod plant;
mod practice;
mod range;
mod requests;
mod routes;
mod run;
mod runbooks;
mod scenario;
mod state;
mod store;
mod traces;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::System;
use picus_local::load_balancer::Access;
use picus_local::server::Server;
use picus_local::traces::Collector;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

pub use error::StartError;
use plant::Plant;

/// What the system of a console tells it.
pub struct Told {
    /// Gets the system's metrics.
    pub metrics: MetricSink,
    /// The programs' log lines, each with the program's name.
    pub lines: UnboundedReceiver<(&'static str, String)>,
    /// The load balancer's access log.
    pub access_log: UnboundedReceiver<Access>,
    /// Gets the programs' spans and distributions. `None` if they go elsewhere.
    pub collector: Option<Collector>,
}

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
    /// Shows `system`, with what it tells, at the address of `listener`.
    ///
    /// # Errors
    /// The deployed alarms can't be read, or the listener has no address.
    pub fn start(listener: TcpListener, system: System, told: Told) -> Result<Self, StartError> {
        let plant = Arc::new(Plant::new(system, told.metrics)?);
        let console = Arc::new(routes::Console::new(plant.clone()));
        let server = Server::start(listener, move |request, _| {
            let console = console.clone();
            async move { Ok(console.answer(request).await) }
        })?;
        let runs = plant.clone();
        let running = tokio::spawn(async move {
            let collected = async {
                if let Some(mut collector) = told.collector {
                    let Collector { spans, distributions, .. } = &mut collector;
                    tokio::join!(runs.traces.keep(spans), runs.receive(distributions));
                }
            };
            let accesses = runs.traces.keep_accesses(told.access_log);
            tokio::join!(runs.run(), runs.logs.keep(told.lines), accesses, collected);
        });
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
