//! Every number that the service shows arrives in CloudWatch, under the dimensions declared.

use std::collections::{BTreeMap, BTreeSet};

use picus_catalogue::{self as catalogue, Kind};
use picus_cloudwatch::emf;
use picus_cloudwatch::metric::Metric;
use picus_drills as exposition;
use picus_local::dynamodb::DynamoDbFault;

use super::eventually;
use super::sidecar::Observed;
use crate::given::options;
use crate::task_metadata::TASK_ID;

const ALONE: &[&[&str]] = &[&[]];
const BY_ROUTE: &[&[&str]] = &[&["http_route"]];
const BY_OPERATION: &[&[&str]] = &[&["db_operation_name"]];
const BY_ERROR: &[&[&str]] = &[&["error_type"]];

/// The dimension sets of each metric, without `service_name`, which is in all of them.
const DECLARED: &[(&str, &[&[&str]])] = &[
    (
        "http_server_request_duration_seconds",
        &[&["http_request_method", "http_route", "http_response_status_code"]],
    ),
    ("picus_requests_measured_total", BY_ROUTE),
    ("picus_requests_within_objective_total", BY_ROUTE),
    (
        "db_client_operation_duration_seconds",
        &[&["db_operation_name"], &["db_operation_name", "error_type"]],
    ),
    ("picus_dynamodb_attempts_total", BY_OPERATION),
    ("picus_dynamodb_retries_total", BY_OPERATION),
    ("picus_dynamodb_throttles_total", BY_OPERATION),
    ("picus_dynamodb_consumed_capacity_units", BY_OPERATION),
    ("otel_sdk_processor_span_processed_total", BY_ERROR),
    ("otel_sdk_exporter_span_exported_total", BY_ERROR),
    ("picus_build_info", &[&["service_version"]]),
    ("http_server_active_requests", ALONE),
    ("picus_requests_shed_total", ALONE),
    ("picus_requests_timed_out_total", ALONE),
    ("picus_items_listed_total", ALONE),
    ("picus_bytes_listed_total", ALONE),
    ("picus_log_lines_dropped_total", ALONE),
    ("process_cpu_utilization_ratio", ALONE),
    ("process_memory_usage_bytes", ALONE),
    ("process_unix_file_descriptors", ALONE),
    ("process_uptime_seconds", ALONE),
    ("picus_runtime_workers", ALONE),
    ("picus_runtime_utilization_ratio", ALONE),
    ("picus_runtime_alive_tasks", ALONE),
    ("picus_runtime_queue_depth", ALONE),
];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn every_count_arrives_from_the_first_request_on() {
    let mut options = options();
    // Spans get lost, both ways.
    options.environment.insert("OTEL_BSP_MAX_QUEUE_SIZE".into(), "1".into());
    let mut observed = Observed::start(options).await;
    let client = observed.client.clone();

    // Before the collector is there; then while it is.
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
    assert_eq!(client.listed_ids("/picus/list").await.len(), 5);
    assert_eq!(client.get_path("/nowhere").await.status(), 404);
    observed.system.dynamodb_fault(Some(DynamoDbFault::Unreachable));
    assert_eq!(client.get_status(&ids[0]).await, 500);
    observed.system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    assert_eq!(client.get_status(&ids[0]).await, 503);

    // The load balancer goes on asking for its health: both change, and meet again and again.
    let seen = eventually(async || {
        let (shown, seen) = (shown(&observed).await, totals(&observed).await);
        let missing: Vec<_> = shown
            .iter()
            .filter(|(series, total)| !seen.get(*series).is_some_and(|seen| seen.is(**total)))
            .map(|(series, total)| format!("{series}: {total:?}, not {:?}", seen.get(series)))
            .collect();
        if missing.is_empty() { Ok(seen) } else { Err(missing.join("\n")) }
    })
    .await;

    for metric in seen.keys() {
        assert_eq!(metric.namespace, "Picus");
        let names: BTreeSet<_> = metric.dimensions.keys().map(String::as_str).collect();
        let declared = sets(&metric.name).iter().any(|set| {
            names == set.iter().copied().chain(["service_name"]).collect::<BTreeSet<_>>()
        });
        assert!(declared, "{metric}");
    }
    let arrived: BTreeSet<_> = seen.keys().map(|metric| metric.name.as_str()).collect();
    assert_eq!(arrived, DECLARED.iter().map(|(metric, _)| *metric).collect());

    assert_eq!(requests(&seen, "POST", "/picus/put", "201"), 5);
    assert_eq!(requests(&seen, "GET", "/picus/get/{key}", "500"), 1);
    println!("{} custom metrics", seen.len());
    observed.stop().await;
}

/// What came in a series: of counters the sum alone, of histograms the count too.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    count: f64,
    sum: f64,
}

impl Total {
    /// Whether both are the same, but for the rounding of sums.
    fn is(self, other: Self) -> bool {
        (self.count - other.count).abs() < 0.5 && (self.sum - other.sum).abs() < 1e-6
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }
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

/// How many requests were measured that ended so.
fn requests(totals: &BTreeMap<Metric, Total>, method: &str, route: &str, status: &str) -> u64 {
    let dimensions = [
        ("http_request_method", method),
        ("http_route", route),
        ("http_response_status_code", status),
    ];
    let series = series("http_server_request_duration_seconds", &dimensions);
    let count = totals.get(&series).map_or(0.0, |total| total.count);
    // A count, and a small one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let count = count as u64;
    count
}

fn series(metric: &str, dimensions: &[(&str, &str)]) -> Metric {
    let of_the_service = [("service_name", "picus-service")];
    Metric::new("Picus", metric, &[dimensions, &of_the_service].concat())
}

fn kind(metric: &str) -> Option<Kind> {
    catalogue::ALL.iter().find(|known| known.name == metric).map(|known| known.kind)
}

fn is_histogram(metric: &str) -> bool {
    matches!(kind(metric), Some(Kind::Histogram(_)))
}

fn sets(metric: &str) -> &'static [&'static [&'static str]] {
    let declared = DECLARED.iter().find(|(name, _)| *name == metric);
    declared.unwrap_or_else(|| panic!("{metric} is not declared")).1
}

/// What the service itself shows, gathered as the declarations say: counters and histograms, whose
/// totals stand still when the traffic does.
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
            let dimensions: Option<Vec<_>> =
                set.iter().map(|name| Some((*name, sample.labels.get(*name)?.as_str()))).collect();
            if let Some(dimensions) = dimensions {
                totals.entry(series(metric, &dimensions)).or_default().add(total);
            }
        }
    }
    totals
}
