//! Prometheus' text form, as far as the service uses it.

use std::collections::BTreeMap;

use super::emf::Total;

/// A value of a counter, or the count or the sum of a histogram.
pub(super) struct Sample {
    pub(super) metric: String,
    /// Those that are not empty: for Prometheus, others are not there.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) total: Total,
}

/// The counters and histograms.
pub(super) fn growing(text: &str) -> Vec<Sample> {
    let kinds: BTreeMap<_, _> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    samples
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let value: f64 = value.parse().ok()?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let of_histogram = |suffix: &str| {
                name.strip_suffix(suffix).filter(|name| kinds.get(name) == Some(&"histogram"))
            };
            let (metric, total) = if kinds.get(name) == Some(&"counter") {
                (name, Total { count: 0.0, sum: value })
            } else if let Some(metric) = of_histogram("_count") {
                (metric, Total { count: value, sum: 0.0 })
            } else {
                (of_histogram("_sum")?, Total { count: 0.0, sum: value })
            };
            Some(Sample { metric: metric.to_owned(), labels: read_labels(labels), total })
        })
        .collect()
}

/// Reads `name="value",name="value"}`; no value of ours has a quote in it.
fn read_labels(text: &str) -> BTreeMap<String, String> {
    let text = text.strip_suffix("\"}").unwrap_or_default();
    let pairs = text.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
