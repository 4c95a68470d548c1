//! Collects the data of a minute, as CloudWatch gets it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::{Datum, Minute};
use crate::emf;
use crate::metric::Metric;
use parking_lot::Mutex;

/// So many values of one metric make little work and take little room.
const MAX_VALUES: usize = 4096;

/// Receives metrics from the parts of AWS and from the programs. Clones share it. By default it is off and keeps
/// nothing, because it grows until somebody ends the minute.
#[derive(Debug, Clone, Default)]
pub struct MetricSink(Option<Arc<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    minute: Mutex<HashMap<Metric, Datum>>,
    /// Whether log lines are lost before CloudWatch reads them.
    deaf: AtomicBool,
}

impl MetricSink {
    /// A sink that keeps data until [`minute`](Self::minute).
    #[must_use]
    pub fn on() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether it keeps data.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Records a value.
    pub fn record(&self, metric: Metric, value: f64) {
        if let Some(datum) = Datum::of(&[value]) {
            self.add(metric, datum);
        }
    }

    /// Records several values.
    pub fn add(&self, metric: Metric, datum: Datum) {
        let Some(inner) = &self.0 else { return };
        let mut minute = inner.minute.lock();
        match minute.entry(metric) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.add(&datum);
                if known.size() > MAX_VALUES {
                    known.compact();
                }
            }
            Entry::Vacant(new) => {
                new.insert(datum);
            }
        }
    }

    /// Reads a log line, which may be an EMF document.
    pub fn read_line(&self, line: &str) {
        let Some(inner) = &self.0 else { return };
        if !inner.deaf.load(Ordering::Relaxed) {
            for (metric, datum) in emf::metrics(line) {
                self.add(metric, datum);
            }
        }
    }

    /// Starts or stops losing log lines, as if a role had lost its permission to write them.
    pub fn lose_lines(&self, lose: bool) {
        if let Some(inner) = &self.0 {
            inner.deaf.store(lose, Ordering::Relaxed);
        }
    }

    /// Ends the minute, and returns its data.
    #[must_use]
    pub fn minute(&self) -> Minute {
        let Some(inner) = &self.0 else { return Minute::default() };
        let minute = std::mem::take(&mut *inner.minute.lock());
        let compact = |(metric, mut datum): (Metric, Datum)| {
            datum.compact();
            (metric, Arc::new(datum))
        };
        Minute(minute.into_iter().map(compact).collect())
    }
}
