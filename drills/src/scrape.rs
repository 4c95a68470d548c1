//! Stands in for the collector. It scrapes the service's metrics and reports those that the collector's configuration
//! declares, with the declared dimensions. Counters and histograms are reported as increases.

use std::collections::{BTreeMap, HashMap};

use picus_catalogue::{self as catalogue, Kind};
use serde_json::Value;

use crate::declarations::Declarations;
use crate::exposition::{self, Sample};
use crate::traffic::Client;
use picus_cloudwatch::data::Datum;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::tasks::Running;

/// The collector's configuration, as deployed.
pub(crate) const CONFIGURATION: &str = include_str!("../../otel-collector.yaml");

/// The service's name in that configuration.
pub(crate) const SERVICE: &str = "picus-service";

type Labels = BTreeMap<String, String>;

/// A collector, with its last totals of each process.
#[derive(Debug)]
pub(crate) struct Scraper {
    declarations: Declarations,
    last: HashMap<(u32, Part, &'static str, Labels), f64>,
}

/// What a number of a scrape tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// A value of now.
    Gauge,
    /// A total since the process started.
    Counter,
    /// How many values a histogram has got.
    Count,
    /// The sum of these values.
    Sum,
}

impl Scraper {
    /// Reads the collector's configuration; `None` if it is not understood.
    pub(crate) fn read(configuration: &Value) -> Option<Self> {
        let declarations = Declarations::read(&configuration["exporters"]["awsemf"])?;
        Some(Self { declarations, last: HashMap::new() })
    }

    /// Scrapes a task.
    pub(crate) async fn scrape(&mut self, metrics: &MetricSink, client: &Client, task: Running) {
        let url = format!("http://{}/metrics", task.metrics_address);
        // The task may have just ended.
        let Some(text) = client.get_text(&url, "text/plain").await else { return };
        self.read_page(metrics, task.pid, &text);
    }

    fn read_page(&mut self, metrics: &MetricSink, pid: u32, text: &str) {
        let mut histograms: HashMap<(&str, Labels), [f64; 2]> = HashMap::new();
        for (name, labels, part, value) in exposition::samples(text).filter_map(reported) {
            let mut increase = || {
                let last = self.last.insert((pid, part, name, labels.clone()), value);
                value - last.unwrap_or(0.0)
            };
            let value = match part {
                Part::Gauge => value,
                Part::Counter => increase(),
                Part::Count => {
                    let more = increase();
                    histograms.entry((name, labels)).or_default()[0] = more;
                    continue;
                }
                Part::Sum => {
                    let more = increase();
                    histograms.entry((name, labels)).or_default()[1] = more;
                    continue;
                }
            };
            if let Some(datum) = Datum::of(&[value]) {
                self.declarations.report(metrics, name, &labels, &datum);
            }
        }
        for ((name, labels), [count, sum]) in histograms {
            // Prometheus does not know the least and the largest value, and the exporter sends 0 for them.
            let datum = Datum::statistics(count, sum, 0.0, 0.0);
            if count > 0.0 {
                self.declarations.report(metrics, name, &labels, &datum);
            }
        }
    }
}

/// A number of a metric of the catalogue, with its labels. The buckets of histograms are left out.
fn reported(
    Sample { name, mut labels, value }: Sample,
) -> Option<(&'static str, Labels, Part, f64)> {
    let known = |name: &str, is_histogram: bool| {
        let mut all = catalogue::ALL.iter();
        all.find(|metric| {
            metric.name == name && matches!(metric.kind, Kind::Histogram(_)) == is_histogram
        })
    };
    let of_histogram = |ending: &str| known(name.strip_suffix(ending)?, true);
    let (metric, part) = if let Some(metric) = known(&name, false) {
        let part = if metric.kind == Kind::Counter { Part::Counter } else { Part::Gauge };
        (metric, part)
    } else if let Some(metric) = of_histogram("_count") {
        (metric, Part::Count)
    } else {
        (of_histogram("_sum")?, Part::Sum)
    };
    labels.insert("service_name".to_owned(), SERVICE.to_owned());
    Some((metric.name, labels, part, value))
}

#[cfg(test)]
mod tests {
    use picus_cloudwatch::data::History;
    use picus_cloudwatch::metric::{Metric, Statistic};
    use picus_cloudwatch::template;

    use super::*;

    /// What two scrapes report in a minute.
    fn minute(first: &str, second: &str) -> History {
        let mut scraper = Scraper::read(&template::read(CONFIGURATION).unwrap()).unwrap();
        let metrics = MetricSink::on();
        scraper.read_page(&metrics, 1, first);
        scraper.read_page(&metrics, 1, second);
        let mut history = History::default();
        history.push(&metrics.minute());
        history
    }

    fn of(history: &History, name: &str, labels: &[(&str, &str)], what: Statistic) -> Option<f64> {
        let dimensions = [&[("service_name", SERVICE)], labels].concat();
        history.statistic(&Metric::new("Picus", name, &dimensions), what, 1, 1)
    }

    #[test]
    fn a_declared_metric_is_reported_in_each_dimension_set() {
        let page = "picus_requests_measured_total{http_route=\"/x\"} 7\n\
            picus_dynamodb_attempts_total 1\nunknown 1\n";
        let history = minute(page, page);
        assert_eq!(history.metrics().count(), 2, "one lacks a dimension");
        for labels in [&[("http_route", "/x")][..], &[]] {
            let sum = of(&history, "picus_requests_measured_total", labels, Statistic::Sum);
            assert_eq!(sum, Some(7.0));
        }
    }

    #[test]
    fn counters_and_histograms_are_reported_as_increases_and_gauges_as_they_are() {
        let page = |waits: u32, sum: f64, active: u32| {
            format!(
                "picus_reads_wait_duration_seconds_sum {sum}\n\
                picus_reads_wait_duration_seconds_count {waits}\n\
                picus_reads_wait_duration_seconds_bucket{{le=\"1\"}} 9\n\
                picus_requests_shed_total {waits}\nhttp_server_active_requests {active}\n"
            )
        };
        let history = minute(&page(2, 1.0, 5), &page(3, 2.0, 3));
        let waits = "picus_reads_wait_duration_seconds";
        let count = of(&history, waits, &[], Statistic::SampleCount);
        assert_eq!((count, of(&history, waits, &[], Statistic::Sum)), (Some(3.0), Some(2.0)));
        let shed = of(&history, "picus_requests_shed_total", &[], Statistic::Sum);
        assert_eq!(shed, Some(3.0));
        let most = of(&history, "http_server_active_requests", &[], Statistic::Maximum);
        assert_eq!(most, Some(5.0));
        assert_eq!(history.metrics().count(), 3, "buckets are left out");
    }
}
