//! Metrics for a program that is scraped.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::RuntimeMetrics;

use crate::error::InitError;
use crate::log_writer::Lines;
use crate::process::Sampler;
use crate::recorder::{Distributions, Exposition, Recorder};
use crate::service::Service;
use picus_catalogue::{self as catalogue, Kind};

/// How often gauges are sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// Everything measured in this process.
#[derive(Clone)]
pub struct Prometheus {
    recorder: Arc<Recorder>,
    lines: Lines,
    sampler: Arc<Sampler>,
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prometheus")
    }
}

impl Prometheus {
    /// Becomes this process's recorder of metrics.
    pub(crate) fn start(service: &Service, lines: Lines) -> Result<Self, InitError> {
        let recorder = Arc::new(Recorder::new());
        metrics::set_global_recorder(recorder.clone()).map_err(|_| InitError::AlreadyStarted)?;
        let this = Self { recorder, lines, sampler: Arc::new(Sampler::new()) };
        begin_at_zero();
        let build =
            [("service_name", service.name.clone()), ("service_version", service.version.clone())];
        metrics::gauge!(catalogue::BUILD_INFO.name, &build).set(1);
        this.sampler.sample();
        let sampled = this.clone();
        thread::Builder::new()
            .name("metrics-sampler".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(SAMPLE_INTERVAL);
                    sampled.sampler.sample();
                }
            })
            .map_err(InitError::Thread)?;
        Ok(this)
    }

    /// The distributions of durations.
    pub(crate) fn distributions(&self) -> Arc<Distributions> {
        self.recorder.distributions()
    }

    /// Watches a runtime that serves requests.
    pub fn watch(&self, runtime: RuntimeMetrics) {
        self.sampler.watch(runtime);
    }

    /// The current values, in this format.
    #[must_use]
    pub fn render(&self, exposition: Exposition) -> String {
        metrics::counter!(catalogue::LOG_LINES_DROPPED.name).absolute(self.lines.dropped());
        exposition.of(&self.recorder)
    }
}

/// A counter that exists from the start shows its first event as an increase.
fn begin_at_zero() {
    for metric in catalogue::ALL {
        match metric.kind {
            Kind::Counter if metric.labels.is_empty() => metrics::counter!(metric.name).absolute(0),
            Kind::UpDownCounter | Kind::Gauge if metric.labels.is_empty() => {
                metrics::gauge!(metric.name).set(0);
            }
            _ => {}
        }
    }
    for metric in [catalogue::SPANS_PROCESSED, catalogue::SPANS_EXPORTED] {
        metrics::counter!(metric.name).absolute(0);
    }
    metrics::counter!(catalogue::SPANS_PROCESSED.name, "error_type" => "queue_full").absolute(0);
    for cause in ["export_failed", "rejected"] {
        metrics::counter!(catalogue::SPANS_EXPORTED.name, "error_type" => cause).absolute(0);
    }
}
