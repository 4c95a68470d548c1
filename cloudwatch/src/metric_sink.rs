//! What is reported to CloudWatch, until its minute ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::{Datum, Minute};
use crate::emf;
use crate::metric::Metric;
use parking_lot::Mutex;

/// Where the parts of AWS and the programs report. Clones share it. By default it is off and keeps
/// nothing, for somebody must end its minutes.
#[derive(Debug, Clone, Default)]
pub struct MetricSink(Option<Arc<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    minute: Mutex<HashMap<Metric, Datum>>,
    /// Whether log lines get lost before CloudWatch reads them.
    deaf: AtomicBool,
}

impl MetricSink {
    /// One that keeps what is reported until [`minute`](Self::minute).
    #[must_use]
    pub fn on() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether anything is kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A value.
    pub fn record(&self, metric: Metric, value: f64) {
        if let Some(datum) = Datum::of(&[value]) {
            self.add(metric, datum);
        }
    }

    /// Several.
    pub fn add(&self, metric: Metric, datum: Datum) {
        let Some(inner) = &self.0 else { return };
        let mut minute = inner.minute.lock();
        match minute.entry(metric) {
            Entry::Occupied(mut known) => known.get_mut().add(&datum),
            Entry::Vacant(new) => {
                new.insert(datum);
            }
        }
    }

    /// A log line, which may be a document of metrics.
    pub fn read_line(&self, line: &str) {
        let Some(inner) = &self.0 else { return };
        if !inner.deaf.load(Ordering::Relaxed) {
            for (metric, datum) in emf::metrics(line) {
                self.add(metric, datum);
            }
        }
    }

    /// Loses log lines from now on, or no more: as where a role may no longer write them.
    pub fn lose_lines(&self, lose: bool) {
        if let Some(inner) = &self.0 {
            inner.deaf.store(lose, Ordering::Relaxed);
        }
    }

    /// Ends the minute.
    #[must_use]
    pub fn minute(&self) -> Minute {
        let Some(inner) = &self.0 else { return Minute::default() };
        let minute = std::mem::take(&mut *inner.minute.lock());
        Minute(minute.into_iter().map(|(metric, datum)| (metric, Arc::new(datum))).collect())
    }
}
