//! The metrics of the service, after requests with known results.

use std::collections::BTreeMap;
use std::time::Duration;

use picus_catalogue::{self as catalogue, Kind};
use picus_drills::{Sample, samples};
use picus_local::dynamodb::DynamoDbFault;
use reqwest::StatusCode;
use tokio::time;

use crate::given::{Client, options, started};

const PATIENCE: Duration = Duration::from_secs(20);
/// A request that waits this long for DynamoDB succeeds, but misses the latency SLO.
const SLOW: Duration = Duration::from_millis(1200);
/// DynamoDB's time-outs are shorter than the request's, as they are by default.
const SETTINGS: [(&str, &str); 5] = [
    ("PICUS_LATENCY_OBJECTIVE_SECONDS", "1"),
    ("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "10"),
    ("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "3"),
    ("PICUS_DYNAMODB_MAX_ATTEMPTS", "2"),
    ("PICUS_MAX_IN_FLIGHT", "1"),
];

type Scrape = BTreeMap<String, f64>;

/// All values by series, with sorted labels: `name{label=value,…}`.
async fn scrape(metrics: &Client) -> Scrape {
    let text = metrics.get_path("/metrics").await.text().await.unwrap();
    let series = |Sample { name, labels, value }: Sample| {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (format!("{name}{{{}}}", labels.join(",")), value)
    };
    samples(&text).filter(|sample| !sample.labels.contains_key("le")).map(series).collect()
}

async fn until(metrics: &Client, holds: impl Fn(&Scrape) -> bool) -> Scrape {
    let holds = async {
        loop {
            let scrape = scrape(metrics).await;
            if holds(&scrape) {
                return scrape;
            }
        }
    };
    time::timeout(PATIENCE, holds).await.unwrap()
}

#[tokio::test]
async fn every_request_is_counted_by_its_result() {
    let mut options = options();
    options.environment.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (system, client) = started(options).await;
    let metrics = Client::of(system.tasks()[0].running().await.unwrap().metrics_address);
    let get = async |fault, status: StatusCode| {
        system.dynamodb_fault(fault);
        assert_eq!(client.get_status("none").await, status);
        system.dynamodb_fault(None);
    };
    let ids = client.put_many(2).await;
    assert_eq!(client.get_status(&ids[0]).await, 200);
    let listed = client.get_path("/picus/list").await.bytes().await.unwrap();
    get(Some(DynamoDbFault::Slow(1, SLOW)), StatusCode::NOT_FOUND).await;
    get(Some(DynamoDbFault::Throttles(1)), StatusCode::SERVICE_UNAVAILABLE).await;
    let late = get(Some(DynamoDbFault::Slow(1, 4 * SLOW)), StatusCode::GATEWAY_TIMEOUT);
    let meanwhile = async {
        until(&metrics, |scrape| scrape["http_server_active_requests{}"] >= 1.0).await;
        while client.get_status("shed").await != 503 {}
    };
    tokio::join!(late, meanwhile);

    // A scrape may come between the gauges of a sample, which are set one after the other.
    let sampled = [
        "picus_runtime_workers{}",
        "picus_runtime_utilization_ratio{}",
        "process_cpu_utilization_ratio{cpu_mode=user}",
    ];
    let quiet = |scrape: &Scrape| {
        sampled.iter().all(|gauge| scrape[*gauge] > 0.0)
            && scrape["http_server_active_requests{}"] == 0.0
    };
    let seen = until(&metrics, quiet).await;
    let shed = seen["picus_requests_shed_total{}"];
    assert!(shed >= 1.0, "{seen:#?}");
    #[expect(clippy::cast_precision_loss, reason = "a list of two")]
    let listed = listed.len() as f64;
    let request = "http_server_request_duration_seconds_count{";
    let call = "db_client_operation_duration_seconds_count{db_operation_name=";
    let dynamodb = "db_system_name=aws.dynamodb";
    let get = "http_request_method=GET";
    let of_get = "http_route=/picus/get/{key},url_scheme=http}";
    for (series, expected) in [
        (
            format!(
                "{request}http_request_method=POST,http_response_status_code=201,http_route=/picus/put,url_scheme=http}}"
            ),
            2.0,
        ),
        (
            format!(
                "{request}{get},http_response_status_code=200,http_route=/picus/list,url_scheme=http}}"
            ),
            1.0,
        ),
        (format!("{request}{get},http_response_status_code=200,{of_get}"), 1.0),
        (format!("{request}{get},http_response_status_code=404,{of_get}"), 1.0),
        (
            format!("{request}error_type=throttled,{get},http_response_status_code=503,{of_get}"),
            1.0,
        ),
        (
            format!("{request}error_type=overloaded,{get},http_response_status_code=503,{of_get}"),
            shed,
        ),
        (
            format!(
                "{request}error_type=deadline_exceeded,{get},http_response_status_code=504,{of_get}"
            ),
            1.0,
        ),
        ("picus_requests_measured_total{http_route=/picus/put}".into(), 2.0),
        ("picus_requests_measured_total{http_route=/picus/list}".into(), 1.0),
        ("picus_requests_measured_total{http_route=/picus/get/{key}}".into(), 2.0),
        ("picus_requests_within_objective_total{http_route=/picus/put}".into(), 2.0),
        ("picus_requests_within_objective_total{http_route=/picus/list}".into(), 1.0),
        ("picus_requests_within_objective_total{http_route=/picus/get/{key}}".into(), 1.0),
        ("picus_requests_failed_total{http_route=/picus/get/{key}}".into(), 2.0 + shed),
        ("picus_requests_timed_out_total{}".into(), 1.0),
        (format!("{call}PutItem,{dynamodb}}}"), 2.0),
        (format!("{call}GetItem,{dynamodb}}}"), 2.0),
        (format!("{call}GetItem,{dynamodb},error_type=throttled}}"), 1.0),
        (format!("{call}GetItem,{dynamodb},error_type=timeout}}"), 1.0),
        ("picus_dynamodb_attempts_total{db_operation_name=GetItem}".into(), 5.0),
        ("picus_dynamodb_retries_total{db_operation_name=GetItem}".into(), 1.0),
        ("picus_dynamodb_throttles_total{db_operation_name=GetItem}".into(), 2.0),
        ("picus_dynamodb_consumed_capacity_units_count{db_operation_name=PutItem}".into(), 2.0),
        ("picus_dynamodb_consumed_capacity_units_sum{db_operation_name=PutItem}".into(), 2.0),
        ("picus_items_listed_total{}".into(), 2.0),
        ("picus_bytes_listed_total{}".into(), listed),
        ("picus_log_lines_dropped_total{}".into(), 0.0),
        ("picus_runtime_workers{}".into(), 1.0),
    ] {
        assert_eq!(seen.get(&series), Some(&expected), "{series} in {seen:#?}");
    }
    assert_shows_the_process(&seen);
    assert_shows_the_catalogue(&seen);
    system.stop().await;
}

/// The metrics about the process.
fn assert_shows_the_process(seen: &Scrape) {
    for gauge in [
        "process_memory_usage_bytes",
        "process_unix_file_descriptor_count",
        "process_uptime_seconds",
        "picus_runtime_utilization_ratio",
        "picus_runtime_alive_tasks",
    ] {
        assert!(seen[&format!("{gauge}{{}}")] > 0.0, "{gauge} in {seen:#?}");
    }
    assert!(seen["process_cpu_utilization_ratio{cpu_mode=user}"] > 0.0, "{seen:#?}");
    assert!(seen.contains_key("process_cpu_utilization_ratio{cpu_mode=system}"), "{seen:#?}");
}

/// Checks that every metric of the catalogue is there, except those that only the delete handler has.
fn assert_shows_the_catalogue(seen: &Scrape) {
    for metric in catalogue::ALL {
        let name = match metric.kind {
            Kind::Histogram(_) => format!("{}_count", metric.name),
            Kind::Counter | Kind::UpDownCounter | Kind::Gauge => metric.name.to_owned(),
        };
        let there = seen.keys().any(|series| series.starts_with(&format!("{name}{{")));
        // Only a function has cold starts, and only simultaneous reads are gathered.
        let is_elsewhere = [
            catalogue::FAAS_COLDSTARTS,
            catalogue::READS_BATCH_SIZE,
            catalogue::READS_WAIT_DURATION,
        ]
        .contains(metric);
        assert_eq!(there, !is_elsewhere, "{name} in {seen:#?}");
    }
}
