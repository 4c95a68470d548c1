//! Every number that the service shows arrives in CloudWatch, under the dimensions declared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use picus_local::dynamodb::{DynamoDb, Storage};

use super::emf::{self, Series, Total};
use super::eventually;
use super::exposition::{self, Sample};
use super::sidecar::Observed;
use super::task_metadata::TASK_ID;
use crate::faults::cable;
use crate::given::options;

const ALONE: &[&[&str]] = &[&[]];
const BY_ROUTE: &[&[&str]] = &[&[], &["http_route"]];
const BY_OPERATION: &[&[&str]] = &[&["db_operation_name"]];
const BY_ERROR: &[&[&str]] = &[&[], &["error_type"]];

/// The dimension sets of each metric, without `service_name`, which is in all of them.
const DECLARED: &[(&str, &[&[&str]])] = &[
    (
        "http_server_request_duration_seconds",
        &[&[], &["http_route"], &["http_route", "http_response_status_code"]],
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
    ("process_unix_file_descriptor_count", ALONE),
    ("process_uptime_seconds", ALONE),
    ("picus_runtime_workers", ALONE),
    ("picus_runtime_utilization_ratio", ALONE),
    ("picus_runtime_alive_tasks", ALONE),
    ("picus_runtime_queue_depth", ALONE),
];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run .ci/collector"]
async fn every_count_arrives_from_the_first_request_on() {
    let dynamodb = DynamoDb::start(&Storage::Memory).await.unwrap();
    let cut = Arc::new(AtomicBool::new(false));
    let cable = cable(dynamodb.endpoint.clone(), cut.clone()).await;
    let mut options = options();
    options.storage = Storage::Elsewhere(format!("http://{cable}"));
    let mut observed = Observed::start(options).await;
    let client = observed.client.clone();

    // Before the collector is there; then while it is.
    let ids = client.put_many(3).await;
    observed.start_collector(&[]).await;
    eventually(async || {
        let seen = totals(&observed).await;
        let puts = seen
            .get(&series("http_server_request_duration_seconds", &[("http_route", "/picus/put")]));
        puts.is_some_and(|total| total.count == 3.0).then_some(()).ok_or(format!("{seen:#?}"))
    })
    .await;
    client.put_many(2).await;
    assert_eq!(client.get_status(&ids[0]).await, 200);
    assert_eq!(client.get_status("none").await, 404);
    assert_eq!(client.listed_ids("/picus/list").await.len(), 5);
    assert_eq!(client.get_path("/nowhere").await.status(), 404);
    cut.store(true, Ordering::SeqCst);
    assert_eq!(client.get_status(&ids[0]).await, 500);

    // The load balancer goes on asking for its health: both change, and meet again and again.
    let seen = eventually(async || {
        let (shown, seen) = (shown(&observed).await, totals(&observed).await);
        let missing: Vec<_> = shown
            .iter()
            .filter(|(series, total)| !seen.get(*series).is_some_and(|seen| seen.is(**total)))
            .map(|(series, total)| format!("{series:?}: {total:?}, not {:?}", seen.get(series)))
            .collect();
        if missing.is_empty() { Ok(seen) } else { Err(missing.join("\n")) }
    })
    .await;

    for (metric, dimensions) in seen.keys() {
        let names: BTreeSet<_> = dimensions.keys().map(String::as_str).collect();
        let declared = sets(metric).iter().any(|set| {
            names == set.iter().copied().chain(["service_name"]).collect::<BTreeSet<_>>()
        });
        assert!(declared, "{metric} by {names:?}");
    }
    let arrived: BTreeSet<_> = seen.keys().map(|(metric, _)| metric.as_str()).collect();
    assert_eq!(arrived, DECLARED.iter().map(|(metric, _)| *metric).collect());

    let count = |dimensions: &[(&str, &str)]| {
        seen[&series("http_server_request_duration_seconds", dimensions)].count
    };
    assert_eq!(count(&[("http_route", "/picus/put")]), 5.0);
    assert_eq!(
        count(&[("http_route", "/picus/get/{key}"), ("http_response_status_code", "500")]),
        1.0
    );
    println!("{} custom metrics", seen.len());
    observed.stop().await;
    dynamodb.stop().await;
}

async fn totals(observed: &Observed) -> BTreeMap<Series, Total> {
    emf::totals(&observed.aws.emf_documents(TASK_ID).await)
}

fn series(metric: &str, dimensions: &[(&str, &str)]) -> Series {
    let of_the_service = ("service_name", "picus-service");
    let dimensions = dimensions.iter().chain([&of_the_service]);
    let owned = dimensions.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (metric.to_owned(), owned.collect())
}

fn sets(metric: &str) -> &'static [&'static [&'static str]] {
    let declared = DECLARED.iter().find(|(name, _)| *name == metric);
    declared.unwrap_or_else(|| panic!("{metric} is not declared")).1
}

/// What the service itself shows, gathered as the declarations say: counters and histograms, whose
/// totals stand still when the traffic does.
async fn shown(observed: &Observed) -> BTreeMap<Series, Total> {
    let metrics = format!("http://{}/metrics", observed.metrics_address().await);
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let mut totals = BTreeMap::<_, Total>::new();
    for Sample { metric, labels, total } in exposition::growing(&text) {
        for set in sets(&metric) {
            let dimensions: Option<Vec<_>> =
                set.iter().map(|name| Some((*name, labels.get(*name)?.as_str()))).collect();
            if let Some(dimensions) = dimensions {
                totals.entry(series(&metric, &dimensions)).or_default().add(total);
            }
        }
    }
    totals
}
