//! The settings of telemetry.

use crate::logs::LogFilter;
use crate::percentiles::PercentileSettings;
use crate::service::Service;
use crate::traces::TraceSettings;

/// The settings of telemetry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's name, version and instance.
    pub service: Service,
    /// Which logs are written.
    pub log_filter: LogFilter,
    /// Where the metrics go.
    pub metrics: Metrics,
    /// Where the traces go.
    pub traces: TraceSettings,
}

/// Where the metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// To a scraper, by [`crate::Telemetry::prometheus`], and distributions to a collector if there is one.
    Prometheus(Option<PercentileSettings>),
    /// To CloudWatch, as lines in the log at each [`crate::Telemetry::flush`].
    CloudWatch,
}
