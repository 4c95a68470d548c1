//! A function's metrics in CloudWatch's embedded metric format: JSON lines in its log (Amazon CloudWatch User Guide,
//! "Embedded metric format specification").

use std::sync::atomic::{AtomicU64, Ordering};

use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::{Value, json};

use crate::error::InitError;
use crate::log_writer::Lines;
use crate::service::Service;
use picus_catalogue as catalogue;

/// The namespace of Picus' own metrics in CloudWatch.
const NAMESPACE: &str = "Picus";

/// The dimension that every metric has: the program's name.
const DIMENSION: &str = "service_name";

/// Everything measured and not yet written.
pub(crate) struct Emf {
    collector: &'static Collector,
    /// The count of dropped log lines at the last flush: a document holds only what is new.
    lost_lines: AtomicU64,
}

impl std::fmt::Debug for Emf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emf")
    }
}

impl Emf {
    /// Becomes this process's recorder of metrics.
    pub(crate) fn start(service: &Service) -> Result<Self, InitError> {
        let collector = Builder::new()
            .cloudwatch_namespace(NAMESPACE)
            .with_dimension(DIMENSION, service.name.clone())
            .init()
            .map_err(|_| InitError::AlreadyStarted)?;
        // Not a dimension: then each release would create all metrics again.
        collector.set_property("service.version", service.version.clone());
        catalogue::describe();
        Ok(Self { collector, lost_lines: AtomicU64::new(0) })
    }

    /// Writes what was measured since the last flush.
    pub(crate) fn flush(&self, lines: &Lines) {
        let lost = lines.dropped();
        let told = self.lost_lines.swap(lost, Ordering::Relaxed);
        metrics::counter!(catalogue::LOG_LINES_DROPPED.name).increment(lost - told);
        let mut documents = Vec::new();
        // Writing to a vector never fails.
        let _ = self.collector.flush(&mut documents);
        for line in documents.split_inclusive(|byte| *byte == b'\n') {
            match by_percentiles(line) {
                Some(line) => lines.push(&line),
                None => lines.push(line),
            }
        }
    }
}

/// The document again, with its durations under the labels in `percentiles_by`: CloudWatch can't merge the
/// distributions of several metrics, for example of each status of a route. `None` if the durations have only these
/// labels already, or if there are none.
fn by_percentiles(line: &[u8]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(line).ok()?;
    let directives = document["_aws"]["CloudWatchMetrics"].as_array_mut()?;
    let further: Vec<_> = directives.iter().flat_map(further_directives).collect();
    if further.is_empty() {
        return None;
    }
    directives.extend(further);
    let mut line = document.to_string().into_bytes();
    line.push(b'\n');
    Some(line)
}

fn further_directives(directive: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let dimensions = list(&directive["Dimensions"][0]);
    let further = |metric: &Value| {
        let known = catalogue::ALL.iter().find(|known| metric["Name"] == known.name)?;
        let wanted: Vec<_> = [&[DIMENSION], known.percentiles_by].concat();
        let are_there = wanted.iter().all(|label| dimensions.iter().any(|name| name == label));
        let is_further = wanted.len() > 1 && wanted.len() < dimensions.len();
        let namespace = &directive["Namespace"];
        (are_there && is_further)
            .then(|| json!({ "Namespace": namespace, "Dimensions": [wanted], "Metrics": [metric] }))
    };
    list(&directive["Metrics"]).iter().filter_map(further).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(metric: &str, dimensions: &[&str]) -> Value {
        json!({
            "_aws": { "CloudWatchMetrics": [{
                "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": [{ "Name": metric }],
            }] },
        })
    }

    fn further(metric: &str, dimensions: &[&str]) -> Option<Value> {
        let line = format!("{}\n", document(metric, dimensions));
        let line = by_percentiles(line.as_bytes())?;
        assert_eq!(line.last(), Some(&b'\n'));
        let document: Value = serde_json::from_slice(&line).unwrap();
        Some(document["_aws"]["CloudWatchMetrics"][1].clone())
    }

    #[test]
    fn durations_are_also_under_the_label_of_their_percentiles() {
        let duration = catalogue::HTTP_SERVER_REQUEST_DURATION.name;
        let all = ["service_name", "http_request_method", "http_route"];
        let expected = document(duration, &["service_name", "http_route"]);
        let expected = expected["_aws"]["CloudWatchMetrics"][0].clone();
        assert_eq!(further(duration, &all), Some(expected));
        // No further document: the metric has this dimension already, its route is unknown, or it is not a
        // duration.
        assert_eq!(further(duration, &["service_name", "http_route"]), None);
        assert_eq!(further(duration, &["service_name", "http_request_method"]), None);
        assert_eq!(further(catalogue::REQUESTS_MEASURED.name, &all), None);
    }
}
