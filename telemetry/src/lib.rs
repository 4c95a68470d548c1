//! What the operators of Picus see: one set-up for both programs.
//!
//! [`init`] starts it and returns the guard that the program owns: JSON logs on stdout, and metrics
//! by the names of the [`catalogue`]. [`RequestContext`] carries the ids by which one request is
//! found again in all of them.

mod access;
pub mod catalogue;
mod logs;
mod prometheus;
mod propagation;
mod request;
pub mod settings;

use std::io::Write;

pub use access::Access;
pub use prometheus::Prometheus;
pub use request::RequestContext;

/// Who is speaking, and how loud.
#[derive(Debug, Clone)]
pub struct Settings {
    /// OpenTelemetry's `service.name`.
    pub service_name: &'static str,
    /// OpenTelemetry's `service.version`.
    pub service_version: &'static str,
    /// Which logs are written, in the syntax of `tracing_subscriber`'s `EnvFilter`, as in `RUST_LOG`.
    pub log_filter: String,
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
    /// Telemetry can be started once in a process.
    #[error("telemetry was started before in this process")]
    AlreadyStarted,
}

/// Telemetry that runs. Drop it last: it then writes out what it still holds.
#[derive(Debug)]
pub struct Telemetry {
    prometheus: Prometheus,
    _log_writer: tracing_appender::non_blocking::WorkerGuard,
}

impl Telemetry {
    /// The metrics, to be served to Prometheus.
    #[must_use]
    pub fn prometheus(&self) -> Prometheus {
        self.prometheus.clone()
    }
}

/// Starts telemetry for this process, with logs written to `sink`, one JSON object a line.
///
/// # Errors
/// A filter that can't be read, or telemetry that has been started before.
pub fn init(
    settings: &Settings,
    sink: impl Write + Send + 'static,
) -> Result<Telemetry, InitError> {
    let (log_writer, lost_lines) = logs::init(settings, sink)?;
    let prometheus =
        prometheus::init(settings, lost_lines).map_err(|_| InitError::AlreadyStarted)?;
    Ok(Telemetry { prometheus, _log_writer: log_writer })
}
