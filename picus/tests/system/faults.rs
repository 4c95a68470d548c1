//! What clients see when a part fails, and that the system recovers.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::dynamodb::DynamoDbFault;
use reqwest::StatusCode;
use serde_json::json;

use crate::given::{Client, options, send_signal, started, tampered};

#[tokio::test]
async fn a_list_that_fails_midway_is_aborted_and_never_looks_complete() {
    let mut options = options();
    options.environment.insert("PICUS_DYNAMODB_MAX_ATTEMPTS".to_owned(), "1".to_owned());
    let (system, client) = started(options).await;
    let filler = "x".repeat(300_000);
    for _ in 0..60 {
        client.put(&json!({ "filler": filler })).await;
    }
    let mut response = client.get_path("/picus/list").await;
    assert_eq!(response.status(), 200);
    response.chunk().await.unwrap().unwrap();
    system.dynamodb_fault(Some(DynamoDbFault::Unreachable));
    loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the client could not see that the list is incomplete"),
            Err(_) => break,
        }
    }
    assert_eq!(client.get_path("/picus/list").await.status(), 500);
    assert_eq!(client.delete("x").await.status(), 500);
    assert_eq!(client.get_path("/health").await.status(), 200);
    system.dynamodb_fault(None);
    assert_eq!(client.listed_ids("/picus/list").await.len(), 60);
    assert_eq!(client.delete("x").await.status(), 404);
    system.stop().await;
}

#[tokio::test]
async fn an_error_of_dynamodb_is_retried_and_counted_as_dynamodbs() {
    let mut options = options();
    options.environment.insert("PICUS_DYNAMODB_MAX_ATTEMPTS".to_owned(), "2".to_owned());
    options.metrics = MetricSink::on();
    let metrics = options.metrics.clone();
    let (system, client) = started(options).await;
    let system_errors = |operation: &str| {
        let dimensions = [("TableName", "picus_data"), ("Operation", operation)];
        let metric = Metric::new("AWS/DynamoDB", "SystemErrors", &dimensions);
        metrics.minute().0.get(&metric).map(|datum| datum.sum())
    };
    system.dynamodb_fault(Some(DynamoDbFault::Fails(2)));
    // Every second call fails, so a retry succeeds.
    for _ in 0..2 {
        assert_eq!(client.get_status("x").await, 404);
    }
    assert!(system_errors("GetItem").is_some());
    system.dynamodb_fault(Some(DynamoDbFault::Fails(1)));
    assert_eq!(client.get_status("x").await, 500);
    assert_eq!(system_errors("GetItem"), Some(2.0));
    assert_eq!(client.delete("x").await.status(), 500);
    assert_eq!(system_errors("DeleteItem"), Some(2.0));
    system.dynamodb_fault(None);
    assert_eq!(client.delete("x").await.status(), 404);
    assert_eq!(system_errors("DeleteItem"), None);
    system.stop().await;
}

#[tokio::test]
async fn the_reads_of_a_partly_throttled_batch_succeed_if_they_were_read() {
    let mut options = options();
    options.environment.insert("PICUS_DYNAMODB_MAX_ATTEMPTS".to_owned(), "1".to_owned());
    let (system, client) = started(options).await;
    let ids = client.put_many(40).await;
    system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    let mut seen = BTreeSet::new();
    // DynamoDB refuses a call for one key, and reads half of the keys of a batch.
    for _ in 0..50 {
        seen.extend(join_all(ids.iter().map(|id| client.get_status(id))).await);
        if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(seen, BTreeSet::from([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE]));
    let metrics = Client::of(system.tasks()[0].running().await.unwrap().metrics_address);
    let scrape = metrics.get_path("/metrics").await.text().await.unwrap();
    for counted in [
        r#"picus_dynamodb_throttles_total{db_operation_name="BatchGetItem"}"#,
        r#"db_client_operation_duration_seconds_count{db_system_name="aws.dynamodb",db_operation_name="BatchGetItem",error_type="throttled"}"#,
        "picus_reads_batch_size_count",
        "picus_reads_wait_duration_seconds_count",
    ] {
        assert!(scrape.contains(counted), "no {counted} in\n{scrape}");
    }
    system.dynamodb_fault(None);
    for status in join_all(ids.iter().map(|id| client.get_status(id))).await {
        assert_eq!(status, StatusCode::OK);
    }
    system.stop().await;
}

#[tokio::test]
async fn a_handler_that_does_not_start_is_502_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.executable = tampered(folder.path());
    fs::write(folder.path().join("broken"), "").unwrap();
    let (system, client) = started(options).await;
    assert_eq!(client.delete("x").await.status(), 502);
    assert_eq!(client.get_path("/picus/list").await.status(), 200, "the service must go on");
    fs::remove_file(folder.path().join("broken")).unwrap();
    assert_eq!(client.delete("x").await.status(), 404);
    system.stop().await;
}

#[tokio::test]
async fn a_handler_that_dies_over_a_request_is_502_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.executable = tampered(folder.path());
    let (system, client) = started(options).await;
    assert_eq!(client.delete("x").await.status(), 404);
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    send_signal("STOP", &pid);
    let request = tokio::spawn({
        let client = client.clone();
        async move { client.delete("x").await.status() }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    send_signal("KILL", &pid);
    assert_eq!(request.await.unwrap(), 502);
    assert_eq!(client.delete("x").await.status(), 404, "another environment must replace it");
    assert_ne!(fs::read_to_string(folder.path().join("pid")).unwrap(), pid);
    system.stop().await;
}

#[tokio::test]
async fn a_handler_that_hangs_is_502_at_its_time_out_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.executable = tampered(folder.path());
    options.function_timeout = Some(Duration::from_secs(2));
    let (system, client) = started(options).await;
    assert_eq!(client.delete("x").await.status(), 404);
    send_signal("STOP", &fs::read_to_string(folder.path().join("pid")).unwrap());
    let asked = Instant::now();
    assert_eq!(client.delete("x").await.status(), 502);
    assert!(asked.elapsed() >= Duration::from_secs(2));
    assert_eq!(client.delete("x").await.status(), 404, "another environment must replace it");
    system.stop().await;
}
