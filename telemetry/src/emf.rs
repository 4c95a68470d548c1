//! Metrics in CloudWatch's embedded metric format, for a function: lines among its logs (Amazon
//! CloudWatch User Guide, "Embedded metric format specification").

use std::sync::atomic::{AtomicU64, Ordering};

use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::error::InitError;
use crate::log_writer::Lines;
use crate::service::Service;
use picus_catalogue as catalogue;

/// The namespace of Picus' own metrics in CloudWatch.
const NAMESPACE: &str = "Picus";

/// All that was measured in this process and not yet told.
pub(crate) struct Emf {
    collector: &'static Collector,
    /// The lost log lines that were told before: a document says what is new.
    lost_lines: AtomicU64,
}

impl std::fmt::Debug for Emf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emf")
    }
}

impl Emf {
    /// Takes over this process's metrics.
    pub(crate) fn start(service: &Service) -> Result<Self, InitError> {
        let collector = Builder::new()
            .cloudwatch_namespace(NAMESPACE)
            .with_dimension("service_name", service.name.clone())
            .init()
            .map_err(|_| InitError::AlreadyStarted)?;
        // Not a dimension: each release would make every metric anew.
        collector.set_property("service.version", service.version.clone());
        catalogue::describe();
        Ok(Self { collector, lost_lines: AtomicU64::new(0) })
    }

    /// Tells what was measured since the last time.
    pub(crate) fn flush(&self, lines: &Lines) {
        let lost = lines.dropped();
        let told = self.lost_lines.swap(lost, Ordering::Relaxed);
        metrics::counter!(catalogue::LOG_LINES_DROPPED.name).increment(lost - told);
        let mut documents = Vec::new();
        // A vector takes all that is written to it.
        let _ = self.collector.flush(&mut documents);
        for line in documents.split_inclusive(|byte| *byte == b'\n') {
            lines.push(line);
        }
    }
}
