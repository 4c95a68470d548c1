//! What the operators of Picus see: one set-up for both programs.
//!
//! [`init`] starts it and returns the guard that the program owns: JSON logs on stdout, metrics by the
//! names of the catalogue, and traces. [`RequestContext`] carries the ids by which one request is
//! found again in all of them; [`Access`] tells of it when it has ended.

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

/// Telemetry that runs. Drop it last: it then delivers what it still holds, the spans before the log
/// lines, for these may tell that the spans were lost.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<Traces>,
    /// Never read: it sends the last distributions when it is dropped.
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
    /// The metrics, to be served to Prometheus; none where CloudWatch gets them.
    #[must_use]
    pub fn prometheus(&self) -> Option<Prometheus> {
        match &self.metrics {
            Recorder::Prometheus(prometheus) => Some(prometheus.clone()),
            Recorder::CloudWatch(_) => None,
        }
    }

    /// Delivers what there is: spans, metrics that go among the logs, and log lines. A function calls
    /// this when its answer has gone out, for afterwards its environment may be frozen.
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

/// Starts telemetry for this process, with logs written to `sink`, one JSON object a line.
///
/// # Errors
/// Settings that can't be used, or telemetry that has been started before.
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
