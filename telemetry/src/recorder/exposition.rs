//! The formats for a scrape: Prometheus' text, and `OpenMetrics`, which also has exemplars.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::Key;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::encoding::{NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{self, Unit};

use picus_catalogue::{self as catalogue, Kind, Metric};

use super::facade::Recorder;

/// The format of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' text form.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Exposition {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// All metrics at this moment, in this format.
    pub(crate) fn of(self, recorder: &Arc<Recorder>) -> String {
        let mut metrics = registry::Registry::default();
        metrics.register_collector(Box::new(recorder.clone()));
        let mut page = String::with_capacity(64 * 1024);
        let written = match self {
            Self::Text => prometheus_text::encode(&mut page, &metrics),
            Self::OpenMetrics => text::encode(&mut page, &metrics),
        };
        // Writing to a string never fails.
        debug_assert!(written.is_ok());
        page
    }
}

impl Collector for Recorder {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = by_metric(self.registry.get_counter_handles());
        let gauges = by_metric(self.registry.get_gauge_handles());
        let histograms = by_metric(self.registry.get_histogram_handles());
        for metric in catalogue::ALL {
            match metric.kind {
                Kind::Counter => family(&mut encoder, metric, &counters, |value, mut encoder| {
                    let none: Option<&Exemplar<NoLabelSet, u64>> = None;
                    encoder.encode_counter(&value.load(Ordering::Relaxed), none)
                })?,
                Kind::UpDownCounter | Kind::Gauge => {
                    family(&mut encoder, metric, &gauges, |value, mut encoder| {
                        encoder.encode_gauge(&f64::from_bits(value.load(Ordering::Relaxed)))
                    })?;
                }
                Kind::Histogram(_) => {
                    family(&mut encoder, metric, &histograms, |series, encoder| {
                        series.histogram.encode(encoder)
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// Values by their labels, sorted so that every scrape has the same order.
type Family<T> = BTreeMap<Vec<(String, String)>, T>;

fn by_metric<T>(series: impl IntoIterator<Item = (Key, T)>) -> BTreeMap<String, Family<T>> {
    let mut families = BTreeMap::<_, Family<T>>::new();
    for (key, value) in series {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
        families.entry(key.name().to_owned()).or_default().insert(labels.collect(), value);
    }
    families
}

fn family<T>(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &Metric,
    families: &BTreeMap<String, Family<T>>,
    mut encode: impl FnMut(&T, MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    let Some(series) = families.get(metric.name) else { return Ok(()) };
    let (name, unit) = name_and_unit(metric);
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::UpDownCounter | Kind::Gauge => MetricType::Gauge,
        Kind::Histogram(_) => MetricType::Histogram,
    };
    let mut family = encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind)?;
    for (labels, value) in series {
        encode(value, family.encode_family(labels)?)?;
    }
    Ok(())
}

/// A metric's name without the endings that the encoder adds (the unit and `_total`), and its unit.
fn name_and_unit(metric: &Metric) -> (&'static str, Option<Unit>) {
    let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    let unit = ["seconds", "bytes", "ratio", "units"].into_iter().find_map(|unit| {
        let name = name.strip_suffix(unit)?.strip_suffix('_')?;
        Some((name, Unit::Other(unit.to_owned())))
    });
    unit.map_or((name, None), |(name, unit)| (name, Some(unit)))
}
