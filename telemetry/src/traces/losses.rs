//! Counts lost spans, and logs why they were lost.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use picus_catalogue::SPANS_EXPORTED;

/// The shortest time between two log lines about rejected spans. Without it, each delivery could write one.
const PAUSE: Duration = Duration::from_mins(1);

/// The lost spans of one batch.
#[derive(Debug)]
pub(super) struct Lost {
    /// How many.
    pub(super) spans: usize,
    pub(super) cause: Cause,
    /// The cause of the first loss, for people.
    pub(super) why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The delivery failed.
    ExportFailed,
    /// The collector took the delivery, but rejected these spans.
    Rejected,
}

impl Cause {
    fn error_type(self) -> &'static str {
        match self {
            Self::ExportFailed => "export_failed",
            // OpenTelemetry's semantic conventions use this word.
            Self::Rejected => "rejected",
        }
    }
}

/// What the log has been told already.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    failing: bool,
    rejected_at: Option<Instant>,
    /// Rejected spans that no log line has counted yet.
    rejected: usize,
}

impl Losses {
    /// Counts a batch of `spans` spans.
    pub(super) fn count(&self, spans: usize, lost: Option<&Lost>) {
        let count = lost.map_or(0, |lost| lost.spans.min(spans));
        if let Some(lost) = lost.filter(|_| count > 0) {
            metrics::counter!(SPANS_EXPORTED.name, "error_type" => lost.cause.error_type())
                .increment(count as u64);
        }
        if count < spans {
            metrics::counter!(SPANS_EXPORTED.name).increment((spans - count) as u64);
        }
        self.tell(count, lost);
    }

    fn tell(&self, count: usize, lost: Option<&Lost>) {
        let mut told = self.0.lock();
        let (failed, rejected) = match lost {
            Some(lost) if lost.cause == Cause::Rejected => (None, Some(lost)),
            failed => (failed, None),
        };
        // Logged once when it begins and once when it ends. In between, only the counter grows.
        if std::mem::replace(&mut told.failing, failed.is_some()) != failed.is_some() {
            match failed {
                None => tracing::info!("spans are delivered again"),
                Some(Lost { why, .. }) => {
                    tracing::warn!(
                        exception.message = why,
                        "spans can not be delivered, and are lost"
                    );
                }
            }
        }
        let Some(Lost { why, .. }) = rejected else { return };
        told.rejected += count;
        if told.rejected_at.is_none_or(|at| at.elapsed() >= PAUSE) {
            told.rejected_at = Some(Instant::now());
            let rejected = std::mem::take(&mut told.rejected);
            tracing::warn!(rejected, exception.message = why, "spans were rejected, and are lost");
        }
    }
}
