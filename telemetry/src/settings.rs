//! What a program tells telemetry to do.

use crate::logs::LogFilter;
use crate::percentiles::PercentileSettings;
use crate::service::Service;
use crate::traces::TraceSettings;

/// Who is speaking, how loud, and to whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which program speaks, and which build of it.
    pub service: Service,
    /// Which logs are written.
    pub log_filter: LogFilter,
    /// Who gets the metrics.
    pub metrics: Metrics,
    /// Who gets the traces.
    pub traces: TraceSettings,
}

/// Who gets the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// Whoever scrapes [`crate::Telemetry::prometheus`], and a collector that is sent distributions.
    Prometheus(Option<PercentileSettings>),
    /// CloudWatch, from lines among the logs, at each [`crate::Telemetry::flush`].
    CloudWatch,
}
