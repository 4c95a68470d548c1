//! Records what the macros of `metrics` measure.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use metrics_util::registry::Registry;

use super::distribution::Distributions;
use super::series::Storage;

/// Everything measured in this process.
pub(crate) struct Recorder {
    pub(super) registry: Registry<Key, Storage>,
    distributions: Arc<Distributions>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let distributions = Arc::<Distributions>::default();
        Self { registry: Registry::new(Storage::new(distributions.clone())), distributions }
    }

    /// The distributions of durations.
    pub(crate) fn distributions(&self) -> Arc<Distributions> {
        self.distributions.clone()
    }
}

/// Units and HELP come from the catalogue instead.
impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registry.get_or_create_counter(key, |counter| counter.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registry.get_or_create_gauge(key, |gauge| gauge.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registry.get_or_create_histogram(key, |histogram| histogram.clone().into())
    }
}
