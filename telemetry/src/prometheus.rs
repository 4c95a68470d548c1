//! Metrics in Prometheus' text form.

use std::thread;
use std::time::Duration;

use metrics::{SetRecorderError, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing_appender::non_blocking::ErrorCounter;

use crate::Settings;
use crate::catalogue::{self, Kind};

/// How often recorded values are folded into their buckets where nobody scrapes, so that they do
/// not pile up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// All that was measured in this process.
#[derive(Clone)]
pub struct Prometheus {
    recorder: PrometheusHandle,
    lost_lines: ErrorCounter,
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prometheus")
    }
}

impl Prometheus {
    /// The media type of what [`render`](Self::render) gives.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// The metrics at this moment.
    #[must_use]
    pub fn render(&self) -> String {
        let lost = u64::try_from(self.lost_lines.dropped_lines()).unwrap_or(u64::MAX);
        metrics::counter!(catalogue::LOG_LINES_DROPPED.name).absolute(lost);
        self.recorder.render()
    }
}

/// Takes over this process's metrics.
pub(crate) fn init(
    settings: &Settings,
    lost_lines: ErrorCounter,
) -> Result<Prometheus, SetRecorderError<PrometheusRecorder>> {
    let recorder = catalogue::ALL
        .iter()
        .fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
            Kind::Histogram(bounds) => builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                .expect("the bounds in the catalogue are not empty"),
            Kind::Counter | Kind::Gauge => builder,
        })
        .build_recorder();
    let prometheus = Prometheus { recorder: recorder.handle(), lost_lines };
    metrics::set_global_recorder(recorder)?;
    describe();
    let build =
        [("service_name", settings.service_name), ("service_version", settings.service_version)];
    metrics::gauge!(catalogue::BUILD_INFO.name, &build).set(1);
    let upkeep = prometheus.recorder.clone();
    thread::Builder::new()
        .name("metrics-upkeep".to_owned())
        .spawn(move || {
            loop {
                thread::sleep(UPKEEP_INTERVAL);
                upkeep.run_upkeep();
            }
        })
        .expect("a process that has just started can start a thread");
    Ok(prometheus)
}

fn describe() {
    for metric in catalogue::ALL {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => describe_histogram!(metric.name, metric.help),
        }
        // A series that is there from the start shows a rate from its first event on.
        if metric.labels.is_empty() {
            match metric.kind {
                Kind::Counter => metrics::counter!(metric.name).absolute(0),
                Kind::Gauge => metrics::gauge!(metric.name).set(0),
                Kind::Histogram(_) => {}
            }
        }
    }
}
