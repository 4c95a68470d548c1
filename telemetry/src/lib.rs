//! Logs, metrics and traces of both programs.
//!
//! [`init`] starts telemetry and returns a guard that the program owns: JSON logs on stdout, the metrics of the
//! catalogue, and traces. [`RequestContext`] holds the ids that a request has in all three. [`Access`] writes a
//! request's access line when the request ends.

mod access;
mod active_request;
mod context;
mod emf;
mod error;
mod exemplar;
mod log_writer;
mod logs;
mod outcome;
mod panics;
mod percentiles;
mod process;
mod prometheus;
mod propagation;
mod proxy;
mod received;
mod recorder;
mod request;
mod service;
mod settings;
mod slo;
mod traces;
mod tracestate;
mod usage;

use std::io::Write;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use access::Access;
pub use active_request::ActiveRequest;
pub use context::RequestContext;
pub use error::InitError;
pub use logs::LogFilter;
pub use panics::log_panics;
pub use percentiles::PercentileSettings;
pub use prometheus::Prometheus;
pub use received::Received;
pub use recorder::Exposition;
pub use request::{Described, Invocation, nearest_hop, scheme};
pub use service::Service;
pub use settings::{Metrics, Settings};
pub use slo::LatencySlo;
pub use traces::{Endpoint, Exporter, TraceSettings};

use emf::Emf;
use log_writer::Writer;
use percentiles::Percentiles;
use traces::Traces;

/// Running telemetry. Drop it last. It then delivers what it still holds: spans first, because log lines may report
/// that spans were lost.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<Traces>,
    /// Never read: dropping it sends the last distributions.
    _percentiles: Option<Percentiles>,
    metrics: Recorder,
    writer: Writer,
}

#[derive(Debug)]
enum Recorder {
    Prometheus(Prometheus),
    CloudWatch(Emf),
}

impl Telemetry {
    /// The metrics for Prometheus to scrape; `None` if CloudWatch gets them.
    #[must_use]
    pub fn prometheus(&self) -> Option<Prometheus> {
        match &self.metrics {
            Recorder::Prometheus(prometheus) => Some(prometheus.clone()),
            Recorder::CloudWatch(_) => None,
        }
    }

    /// Delivers all spans, metrics and log lines that are ready. A function calls this after it has answered, because
    /// Lambda may then freeze its environment.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces {
            traces.flush();
        }
        let lines = self.writer.lines();
        if let Recorder::CloudWatch(emf) = &self.metrics {
            emf.flush(&lines);
        }
        lines.flush();
    }
}

/// Starts telemetry for this process. Logs go to `sink`, one JSON object a line.
///
/// # Errors
/// The settings are bad, or telemetry was started before.
pub fn init(
    settings: &Settings,
    sink: impl Write + Send + 'static,
) -> Result<Telemetry, InitError> {
    let writer = Writer::start(sink).map_err(InitError::Thread)?;
    let lines = writer.lines();
    let logs = logs::layer(&settings.service, &settings.log_filter, lines.clone());
    let mut percentiles = None;
    let metrics = match &settings.metrics {
        Metrics::Prometheus(sent) => {
            let prometheus = Prometheus::start(&settings.service, lines)?;
            if let Some(sent) = sent.clone() {
                let distributions = prometheus.distributions();
                percentiles =
                    Some(Percentiles::start(sent, settings.service.clone(), distributions)?);
            }
            Recorder::Prometheus(prometheus)
        }
        Metrics::CloudWatch => Recorder::CloudWatch(Emf::start(&settings.service)?),
    };
    let traces = Traces::start(&settings.traces, &settings.service)?;
    tracing_subscriber::registry()
        .with(logs)
        .with(traces.as_ref().map(Traces::layer))
        .try_init()
        .map_err(|_| InitError::AlreadyStarted)?;
    Ok(Telemetry { traces, _percentiles: percentiles, metrics, writer })
}
