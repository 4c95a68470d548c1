//! What the operators of Picus see: one set-up for both programs.
//!
//! [`init`] starts it and returns the guard that the program owns: JSON logs on stdout, metrics by the
//! names of the [`catalogue`], and traces. [`RequestContext`] carries the ids by which one request is
//! found again in all of them; [`Access`] tells of it when it has ended.

mod access;
pub mod catalogue;
mod emf;
mod lines;
mod logs;
mod objective;
mod process;
mod prometheus;
mod propagation;
mod request;
pub mod settings;
mod traces;

use std::io::{self, Write};
use std::net::SocketAddr;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use access::{Access, ActiveRequest, Received};
pub use objective::Objective;
pub use prometheus::Prometheus;
pub use request::{Described, Invocation, RequestContext, nearest_hop};
pub use traces::{Exporter, TraceSettings};

use emf::Emf;
use lines::Writer;
use traces::Traces;

/// Who is speaking, how loud, and to whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// OpenTelemetry's `service.name`.
    pub service_name: String,
    /// OpenTelemetry's `service.version`.
    pub service_version: &'static str,
    /// Which logs are written, in the syntax of `tracing_subscriber`'s `Targets`, as in `RUST_LOG`.
    pub log_filter: String,
    /// Who gets the metrics.
    pub metrics: Metrics,
    /// Who gets the traces.
    pub traces: TraceSettings,
}

/// Who gets the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Whoever scrapes [`Telemetry::prometheus`].
    Prometheus,
    /// CloudWatch, from lines among the logs, at each [`Telemetry::flush`].
    CloudWatch,
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter can't be read.
    #[error(
        "RUST_LOG: `{filter}` is no filter ({source}): set it to a level, such as `info`, or to `target=level,…`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The daemon can't be sent anything.
    #[error(
        "AWS_XRAY_DAEMON_ADDRESS: {address} can not be reached ({source}): correct it, or unset it"
    )]
    XrayDaemon {
        /// Where it is said to be.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no thread left.
    #[error("a thread for telemetry could not be started: {0}")]
    Thread(io::Error),
    /// Telemetry can be started once in a process.
    #[error("telemetry was started before in this process")]
    AlreadyStarted,
}

/// Telemetry that runs. Drop it last: it then delivers what it still holds, the spans before the log
/// lines, for these may tell that the spans were lost.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<Traces>,
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
    let logs = logs::layer(settings, lines.clone())?;
    let metrics = match settings.metrics {
        Metrics::Prometheus => Recorder::Prometheus(Prometheus::start(settings, lines)?),
        Metrics::CloudWatch => Recorder::CloudWatch(Emf::start(&settings.service_name)?),
    };
    let traces = Traces::start(&settings.traces, &settings.service_name, settings.service_version)?;
    tracing_subscriber::registry()
        .with(logs)
        .with(traces.as_ref().map(Traces::layer))
        .try_init()
        .map_err(|_| InitError::AlreadyStarted)?;
    Ok(Telemetry { traces, metrics, writer })
}
