//! Stands in for the collector. It scrapes the service's metrics and reports those that the collector's configuration
//! declares, with the declared dimensions. Counters are reported as increases. Histograms are left out, because no
//! alarm watches one.

use std::collections::HashMap;

use picus_catalogue::{self as catalogue, Kind};
use regex::Regex;
use serde_json::Value;

use crate::exposition::{self, Sample};
use crate::traffic::Client;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_cloudwatch::template::{self, TemplateError};
use picus_local::tasks::Running;

/// The collector's configuration, as deployed.
const CONFIGURATION: &str = include_str!("../../otel-collector.yaml");

/// The service's name in that configuration.
const SERVICE: &str = "picus-service";

/// A collector, with its last values of each process.
#[derive(Debug)]
pub(crate) struct Scraper {
    declarations: Vec<Declaration>,
    last: HashMap<(u32, Metric), f64>,
}

/// Metrics by name, and the dimension sets that they are reported with.
#[derive(Debug)]
struct Declaration {
    selectors: Vec<Regex>,
    dimension_sets: Vec<Vec<String>>,
}

impl Scraper {
    pub(crate) fn new() -> Result<Self, TemplateError> {
        let configuration = template::read(CONFIGURATION)?;
        let declarations = list(&configuration["exporters"]["awsemf"]["metric_declarations"]);
        let declarations = declarations.map(declaration).collect::<Option<_>>();
        let refused = || TemplateError::NotUnderstood("otel-collector.yaml's declarations".into());
        Ok(Self { declarations: declarations.ok_or_else(refused)?, last: HashMap::new() })
    }

    /// Scrapes a task.
    pub(crate) async fn scrape(&mut self, metrics: &MetricSink, client: &Client, task: Running) {
        let url = format!("http://{}/metrics", task.metrics_address);
        // The task may have just ended.
        let Some(text) = client.get_text(&url).await else { return };
        for (metric, kind, value) in exposition::samples(&text).filter_map(reported) {
            let value = match kind {
                Kind::Counter => {
                    let last = self.last.insert((task.pid, metric.clone()), value);
                    value - last.unwrap_or(0.0)
                }
                Kind::UpDownCounter | Kind::Gauge | Kind::Histogram(_) => value,
            };
            for declaration in self.declarations.iter().filter(|found| found.selects(&metric)) {
                for set in &declaration.dimension_sets {
                    if let Some(metric) = in_set(&metric, set) {
                        metrics.record(metric, value);
                    }
                }
            }
        }
    }
}

impl Declaration {
    fn selects(&self, metric: &Metric) -> bool {
        self.selectors.iter().any(|selector| selector.is_match(&metric.name))
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn declaration(value: &Value) -> Option<Declaration> {
    let words = |set: &Value| list(set).map(|word| Some(word.as_str()?.to_owned())).collect();
    Some(Declaration {
        selectors: list(&value["metric_name_selectors"])
            .map(|pattern| Regex::new(pattern.as_str()?).ok())
            .collect::<Option<_>>()?,
        dimension_sets: list(&value["dimensions"]).map(words).collect::<Option<_>>()?,
    })
}

/// The metric with only these dimensions; `None` if it lacks one of them.
fn in_set(metric: &Metric, set: &[String]) -> Option<Metric> {
    let pair = |name: &String| Some((name.clone(), metric.dimensions.get(name)?.clone()));
    let dimensions = set.iter().map(pair).collect::<Option<_>>()?;
    Some(Metric { dimensions, ..metric.clone() })
}

/// A counter or a gauge, as CloudWatch stores it.
fn reported(Sample { name, labels, value }: Sample) -> Option<(Metric, Kind, f64)> {
    let known = catalogue::ALL.iter().find(|metric| metric.name == name)?;
    let mut dimensions = labels;
    dimensions.insert("service_name".to_owned(), SERVICE.to_owned());
    let metric = Metric { namespace: "Picus".to_owned(), name, dimensions };
    Some((metric, known.kind, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_metric_is_reported_in_each_dimension_set() {
        let scraper = Scraper::new().unwrap();
        let sets = |name: &str| {
            let metric =
                Metric::new("Picus", name, &[("service_name", SERVICE), ("http_route", "/x")]);
            let declared = scraper.declarations.iter().filter(|found| found.selects(&metric));
            let sets = declared.flat_map(|declaration| &declaration.dimension_sets);
            sets.filter_map(|set| in_set(&metric, set)).count()
        };
        assert_eq!(sets("picus_requests_measured_total"), 2);
        assert_eq!(sets("picus_dynamodb_attempts_total"), 0, "it lacks a dimension");
        assert_eq!(sets("unknown"), 0);
    }

    #[test]
    fn counters_and_gauges_are_reported_for_the_service() {
        let text = "picus_dynamodb_attempts_total{db_operation_name=\"GetItem\"} 7\n\
            http_server_request_duration_seconds_sum 1\nunknown 1\n";
        let found: Vec<_> = exposition::samples(text).filter_map(reported).collect();
        let dimensions = [("service_name", SERVICE), ("db_operation_name", "GetItem")];
        let attempts = Metric::new("Picus", "picus_dynamodb_attempts_total", &dimensions);
        assert_eq!(found, [(attempts, Kind::Counter, 7.0)]);
    }
}
