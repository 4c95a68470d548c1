//! The collector's part: reads the service's metrics, and reports them as the collector does, counters
//! as what they grew by. Histograms are left to the collector itself, for no alarm watches any.

use std::collections::{BTreeMap, HashMap};

use picus_telemetry::catalogue::{self, Kind};

use super::traffic::Client;
use crate::cloudwatch::meter::Meter;
use crate::cloudwatch::metric::Metric;
use crate::names::SERVICE;
use crate::tasks::Running;

/// A collector, with what it read last of each process.
#[derive(Debug, Default)]
pub(super) struct Scraper {
    last: HashMap<(u32, Metric), f64>,
}

impl Scraper {
    /// Reads a task's metrics.
    pub(super) async fn scrape(&mut self, meter: &Meter, client: &Client, task: Running) {
        let url = format!("http://{}/metrics", task.metrics_address);
        // A task that has just ended has nothing to tell.
        let Some(text) = client.get_text(&url).await else { return };
        for (metric, kind, value) in text.lines().filter_map(sample) {
            let reported = match kind {
                Kind::Counter => {
                    let last = self.last.insert((task.pid, metric.clone()), value);
                    value - last.unwrap_or(0.0)
                }
                Kind::Gauge | Kind::Histogram(_) => value,
            };
            meter.record(metric, reported);
        }
    }
}

/// A line of Prometheus' text format: `name{label="value",…} number`.
fn sample(line: &str) -> Option<(Metric, Kind, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let known = catalogue::ALL.iter().find(|metric| metric.name == name)?;
    if matches!(known.kind, Kind::Histogram(_)) {
        return None;
    }
    let mut dimensions = BTreeMap::from([("service_name".to_owned(), SERVICE.to_owned())]);
    for pair in labels.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once("=\"")?;
        let value = value.trim_end_matches('"');
        // A label that is empty is not there.
        if !value.is_empty() {
            dimensions.insert(label.to_owned(), value.to_owned());
        }
    }
    let metric = Metric { namespace: "Picus".to_owned(), name: name.to_owned(), dimensions };
    Some((metric, known.kind, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_labels() {
        let line = "picus_dynamodb_attempts_total{db_operation_name=\"GetItem\",empty=\"\"} 7";
        let (metric, kind, value) = sample(line).unwrap();
        let dimensions = [("service_name", SERVICE), ("db_operation_name", "GetItem")];
        assert_eq!(metric, Metric::new("Picus", "picus_dynamodb_attempts_total", &dimensions));
        assert_eq!((kind, value), (Kind::Counter, 7.0));
        let (metric, ..) = sample("http_server_active_requests 1").unwrap();
        assert_eq!(metric.dimensions.len(), 1);
        for line in
            ["# HELP x y", "unknown 1", "http_server_request_duration_seconds_sum{a=\"b\"} 1", ""]
        {
            assert!(sample(line).is_none(), "{line}");
        }
    }
}
