//! Metrics in Prometheus' text form, for a program that is scraped.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::runtime::RuntimeMetrics;

use crate::error::InitError;
use crate::log_writer::Lines;
use crate::process::Sampler;
use crate::service::Service;
use picus_catalogue::{self as catalogue, Kind};

/// How often gauges are sampled, and recorded values folded into their buckets where nobody scrapes,
/// so that they do not pile up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// All that was measured in this process.
#[derive(Clone)]
pub struct Prometheus {
    recorder: PrometheusHandle,
    lines: Lines,
    sampler: Arc<Sampler>,
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prometheus")
    }
}

impl Prometheus {
    /// The media type of what [`render`](Self::render) gives.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Takes over this process's metrics.
    pub(crate) fn start(service: &Service, lines: Lines) -> Result<Self, InitError> {
        let recorder = catalogue::ALL
            .iter()
            .fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
                Kind::Histogram(bounds) => builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                    .expect("the bounds in the catalogue are not empty"),
                Kind::Counter | Kind::UpDownCounter | Kind::Gauge => builder,
            })
            .build_recorder();
        let this = Self { recorder: recorder.handle(), lines, sampler: Arc::new(Sampler::new()) };
        metrics::set_global_recorder(recorder).map_err(|_| InitError::AlreadyStarted)?;
        catalogue::describe();
        begin_at_zero();
        let build =
            [("service_name", service.name.clone()), ("service_version", service.version.clone())];
        metrics::gauge!(catalogue::BUILD_INFO.name, &build).set(1);
        this.sampler.sample();
        let upkeep = this.clone();
        thread::Builder::new()
            .name("metrics-upkeep".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(UPKEEP_INTERVAL);
                    upkeep.sampler.sample();
                    upkeep.recorder.run_upkeep();
                }
            })
            .map_err(InitError::Thread)?;
        Ok(this)
    }

    /// Watches a runtime that serves requests.
    pub fn watch(&self, runtime: RuntimeMetrics) {
        self.sampler.watch(runtime);
    }

    /// The metrics at this moment.
    #[must_use]
    pub fn render(&self) -> String {
        metrics::counter!(catalogue::LOG_LINES_DROPPED.name).absolute(self.lines.dropped());
        self.recorder.render()
    }
}

/// A series that is there from the start shows its first event as an increase.
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
    metrics::counter!(catalogue::SPANS_EXPORTED.name, "error_type" => "export_failed").absolute(0);
}
