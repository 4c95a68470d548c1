//! The stored values of a metric for one set of labels.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use metrics::{HistogramFn, Key, Unit};
use metrics_util::registry;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;

use picus_catalogue::{self as catalogue, Kind, Metric};

use super::distribution::{Distribution, Distributions};
use crate::exemplar::{self, Exemplar};

/// Creates series with the kind that the catalogue declares.
#[derive(Debug)]
pub(super) struct Storage {
    distributions: Arc<Distributions>,
}

impl Storage {
    pub(super) fn new(distributions: Arc<Distributions>) -> Self {
        Self { distributions }
    }

    /// The distribution for these labels. `None` if a label that it needs is missing, such as the route of an unknown
    /// path.
    fn distribution(&self, metric: &'static Metric, key: &Key) -> Option<Arc<Distribution>> {
        let value = |by: &&'static str| {
            let label = key.labels().find(|label| label.key() == *by)?;
            Some((*by, label.value().to_owned()))
        };
        let labels: Option<Vec<_>> = metric.percentiles_by.iter().map(value).collect();
        let labels = labels.filter(|labels| !labels.is_empty())?;
        Some(self.distributions.get_or_create(metric, labels))
    }
}

impl registry::Storage<Key> for Storage {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Series>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let metric = catalogue::ALL.iter().find(|metric| metric.name == key.name());
        let bounds = match metric.map(|metric| metric.kind) {
            Some(Kind::Histogram(bounds)) => bounds,
            _ => &[],
        };
        let distribution = metric.and_then(|metric| self.distribution(metric, key));
        Arc::new(Series {
            histogram: HistogramWithExemplars::new(bounds.iter().copied()),
            has_exemplars: metric.is_some_and(|metric| metric.unit == Some(Unit::Seconds)),
            distribution,
        })
    }
}

/// A histogram for one set of labels.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) histogram: HistogramWithExemplars<Exemplar>,
    /// Only durations have exemplars: they lead to the slow request.
    has_exemplars: bool,
    /// Shared with all series that have the same route or operation.
    distribution: Option<Arc<Distribution>>,
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        let exemplar = self.has_exemplars.then(exemplar::of_current_request).flatten();
        let time = exemplar.as_ref().map(|_| SystemTime::now());
        self.histogram.observe(value, exemplar, time);
        if let Some(distribution) = &self.distribution {
            distribution.record(value);
        }
    }
}
