//! Exemplars: a bucket of a histogram of the service names the trace of a request in it. They come with `OpenMetrics`
//! alone, which the collector does not ask for.

use std::collections::BTreeMap;

use picus_catalogue::{self as catalogue, Kind};

use crate::exposition;
use crate::scrape::SERVICE;

/// What to accept, to get them.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A measured value, with the trace of its request.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The histogram's name.
    pub metric: &'static str,
    /// Its labels, as the collector reports them.
    pub labels: BTreeMap<String, String>,
    /// The value, in the metric's unit.
    pub value: f64,
    /// The trace's id, as 32 hexadecimal digits.
    pub trace_id: String,
    /// When it was measured, in milliseconds since 1970.
    pub at: u64,
}

/// The exemplars of a page that were measured at this time or later, in milliseconds since 1970.
pub(crate) fn exemplars(page: &str, since: u64) -> impl Iterator<Item = Exemplar> {
    page.lines().filter_map(exemplar).filter(move |exemplar| exemplar.at >= since)
}

fn exemplar(line: &str) -> Option<Exemplar> {
    let (bucket, exemplar) = line.split_once(" # {trace_id=\"")?;
    let bucket = exposition::samples(bucket).next()?;
    let name = bucket.name.strip_suffix("_bucket")?;
    let is_it = |metric: &&catalogue::Metric| {
        metric.name == name && matches!(metric.kind, Kind::Histogram(_))
    };
    let metric = catalogue::ALL.iter().find(is_it)?.name;
    let (trace_id, measured) = exemplar.split_once("\"} ")?;
    let (value, seconds) = measured.split_once(' ')?;
    let mut labels = bucket.labels;
    labels.remove("le");
    labels.insert("service_name".to_owned(), SERVICE.to_owned());
    Some(Exemplar {
        metric,
        labels,
        value: value.parse().ok()?,
        trace_id: trace_id.to_owned(),
        at: milliseconds(seconds.parse().ok()?),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number that is no time becomes the nearest one that is"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_values_of_buckets_that_name_a_trace_are_exemplars() {
        let name = "http_server_request_duration_seconds";
        let bucket = |le: &str, exemplar: &str| {
            format!("{name}_bucket{{http_route=\"/x\",le=\"{le}\"}} 2{exemplar}\n")
        };
        let page = [
            bucket("0.1", ""),
            bucket("0.2", " # {trace_id=\"a\"} 0.15 100.25"),
            bucket("0.3", " # {trace_id=\"b\"} 0.25 90.0"),
            bucket("+Inf", " # {trace_id=\"c\"} nonsense"),
            "unknown_bucket{le=\"1\"} 1 # {trace_id=\"d\"} 0.15 100.25\n".to_owned(),
        ]
        .concat();
        let found: Vec<_> = exemplars(&page, 100_250).collect();
        let labels = [("http_route", "/x"), ("service_name", SERVICE)];
        let expected = Exemplar {
            metric: name,
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            value: 0.15,
            trace_id: "a".to_owned(),
            at: 100_250,
        };
        assert_eq!(found, [expected]);
    }
}
