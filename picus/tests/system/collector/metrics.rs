//! Every count that the service exposes arrives in CloudWatch, with the dimensions that the collector's
//! configuration declares.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use futures_util::future::join_all;
use picus_catalogue::{self as catalogue, Kind};
use picus_cloudwatch::emf;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::template;
use picus_drills as exposition;
use picus_local::dynamodb::DynamoDbFault;
use regex::Regex;

use super::sidecar::Observed;
use super::{eventually, repository};
use crate::given::options;
use crate::task_metadata::TASK_ID;

/// The dimension sets that the deployed configuration declares, with the pattern of the metrics' names.
static DECLARED: LazyLock<Vec<(Regex, Vec<Dimensions>)>> = LazyLock::new(|| {
    let text = fs::read_to_string(repository().join("otel-collector.yaml")).unwrap();
    let collector = template::read(&text).unwrap();
    let of = |exporter: &str| collector["exporters"][exporter]["metric_declarations"].as_array();
    let declarations = ["awsemf", "awsemf/percentiles"].into_iter().filter_map(of).flatten();
    let patterns = declarations.flat_map(|declaration| {
        let sets: Vec<Dimensions> =
            serde_json::from_value(declaration["dimensions"].clone()).unwrap();
        let selectors: Vec<String> =
            serde_json::from_value(declaration["metric_name_selectors"].clone()).unwrap();
        selectors.into_iter().map(move |pattern| (Regex::new(&pattern).unwrap(), sets.clone()))
    });
    patterns.collect()
});

type Dimensions = BTreeSet<String>;

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn every_count_arrives_including_those_before_the_collector_started() {
    let mut options = options();
    // A queue for one span, so that spans are dropped.
    options.environment.insert("OTEL_BSP_MAX_QUEUE_SIZE".into(), "1".into());
    let mut observed = Observed::start(options).await;
    let client = observed.client.clone();

    // Some requests come before the collector has started, the others after.
    let ids = client.put_many(3).await;
    observed.start_collector(&[]).await;
    eventually(async || match requests(&totals(&observed).await, "POST", "/picus/put", "201") {
        3 => Ok(()),
        other => Err(format!("{other} puts arrived")),
    })
    .await;
    client.put_many(2).await;
    assert_eq!(client.get_status(&ids[0]).await, 200);
    assert_eq!(client.get_status("none").await, 404);
    // Simultaneous reads are gathered.
    join_all((0..64).map(|_| client.get_status("none"))).await;
    assert_eq!(client.listed_ids("/picus/list").await.len(), 5);
    assert_eq!(client.get_path("/nowhere").await.status(), 404);
    observed.system.dynamodb_fault(Some(DynamoDbFault::Unreachable));
    assert_eq!(client.get_status(&ids[0]).await, 500);
    observed.system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    assert_eq!(client.get_status(&ids[0]).await, 503);

    // Health checks go on, so both totals keep changing. They are equal only at some moments.
    let seen = eventually(async || {
        let (shown, seen) = (shown(&observed).await, totals(&observed).await);
        let missing: Vec<_> = shown
            .iter()
            .filter(|(series, total)| {
                !seen.get(*series).is_some_and(|seen| seen.is(**total, rounding(series)))
            })
            .map(|(series, total)| format!("{series}: {total:?}, not {:?}", seen.get(series)))
            .collect();
        if missing.is_empty() { Ok(seen) } else { Err(missing.join("\n")) }
    })
    .await;

    for metric in seen.keys() {
        assert_eq!(metric.namespace, "Picus");
        let names: Dimensions = metric.dimensions.keys().cloned().collect();
        assert!(sets(&metric.name).any(|set| *set == names), "{metric}");
    }
    let arrived: BTreeSet<_> = seen.keys().map(|metric| metric.name.as_str()).collect();
    let declared = catalogue::ALL.iter().map(|metric| metric.name);
    assert_eq!(arrived, declared.filter(|metric| sets(metric).next().is_some()).collect());

    assert_eq!(requests(&seen, "POST", "/picus/put", "201"), 5);
    assert_eq!(requests(&seen, "GET", "/picus/get/{key}", "500"), 1);
    println!("{} custom metrics", seen.len());
    observed.stop().await;
}

/// The total of a series. `count` is used only for histograms.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    count: f64,
    sum: f64,
}

impl Total {
    /// Whether both totals are equal. The sums may differ by the share `rounding`.
    fn is(self, other: Self, rounding: f64) -> bool {
        let off = (self.sum - other.sum).abs();
        (self.count - other.count).abs() < 0.5 && off < 1e-6 + rounding * other.sum
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// By how much a series' sum may be off. A distribution contains the middles of its buckets instead of the
/// exact values.
fn rounding(series: &Metric) -> f64 {
    let by = known(&series.name).map_or(&[][..], |metric| metric.percentiles_by);
    let is_of = |name: &str| name == "service_name" || by.contains(&name);
    let is_distribution = !by.is_empty() && series.dimensions.keys().all(|name| is_of(name));
    if is_distribution { 0.03 } else { 0.0 }
}

async fn totals(observed: &Observed) -> BTreeMap<Metric, Total> {
    let mut totals = BTreeMap::<_, Total>::new();
    for document in observed.aws.emf_documents(TASK_ID).await {
        for (metric, datum) in emf::metrics(&document) {
            let count = if is_histogram(&metric.name) { datum.count() } else { 0.0 };
            totals.entry(metric).or_default().add(Total { count, sum: datum.sum() });
        }
    }
    totals
}

/// The number of measured requests with this method, route and status.
fn requests(totals: &BTreeMap<Metric, Total>, method: &str, route: &str, status: &str) -> u64 {
    let dimensions = [
        ("http_request_method", method),
        ("url_scheme", "http"),
        ("http_route", route),
        ("http_response_status_code", status),
    ];
    let series = series("http_server_request_duration_seconds", &dimensions);
    let count = totals.get(&series).map_or(0.0, |total| total.count);
    // A small number of requests.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let count = count as u64;
    count
}

fn series(metric: &str, dimensions: &[(&str, &str)]) -> Metric {
    let of_the_service = [("service_name", "picus-service")];
    Metric::new("Picus", metric, &[dimensions, &of_the_service].concat())
}

fn known(metric: &str) -> Option<&'static catalogue::Metric> {
    catalogue::ALL.iter().find(|known| known.name == metric)
}

fn kind(metric: &str) -> Option<Kind> {
    known(metric).map(|known| known.kind)
}

fn is_histogram(metric: &str) -> bool {
    matches!(kind(metric), Some(Kind::Histogram(_)))
}

fn sets(metric: &str) -> impl Iterator<Item = &'static Dimensions> {
    let selecting = DECLARED.iter().filter(move |(pattern, _)| pattern.is_match(metric));
    selecting.flat_map(|(_, sets)| sets)
}

/// The totals of the service's own counters and histograms, summed by the declared dimension sets. They stop
/// changing when traffic stops.
async fn shown(observed: &Observed) -> BTreeMap<Metric, Total> {
    let metrics = format!("http://{}/metrics", observed.metrics_address().await);
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let mut totals = BTreeMap::<_, Total>::new();
    for sample in exposition::samples(&text) {
        let of_histogram =
            |suffix: &str| sample.name.strip_suffix(suffix).filter(|name| is_histogram(name));
        let value = sample.value;
        let (metric, total) = if kind(&sample.name) == Some(Kind::Counter) {
            (sample.name.as_str(), Total { count: 0.0, sum: value })
        } else if let Some(metric) = of_histogram("_count") {
            (metric, Total { count: value, sum: 0.0 })
        } else if let Some(metric) = of_histogram("_sum") {
            (metric, Total { count: 0.0, sum: value })
        } else {
            continue;
        };
        for set in sets(metric) {
            let of_labels = set.iter().filter(|name| *name != "service_name");
            let dimensions: Option<Vec<_>> = of_labels
                .map(|name| Some((name.as_str(), sample.labels.get(name)?.as_str())))
                .collect();
            if let Some(dimensions) = dimensions {
                totals.entry(series(metric, &dimensions)).or_default().add(total);
            }
        }
    }
    totals
}
