//! What the operators get.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::spawn_app;

#[tokio::test]
async fn health_is_200() {
    let app = spawn_app().await;
    let response = app.get_path("/health").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"status": "healthy"}));
}

#[tokio::test]
async fn a_request_is_counted_under_its_route() {
    let app = spawn_app().await;
    let id = app.put(&json!({})).await;
    app.get(&id).await;
    let metrics = app.scrape().await;
    for part in [
        r#"http_server_request_duration_seconds_count{http_request_method="GET",http_route="/picus/get/{key}",http_response_status_code="200"}"#,
        r#"db_client_operation_duration_seconds_count{db_operation_name="GetItem"}"#,
        r#"picus_dynamodb_attempts_total{db_operation_name="PutItem"}"#,
        r#"picus_dynamodb_consumed_capacity_units_count{db_operation_name="GetItem"}"#,
    ] {
        assert!(metrics.contains(part), "no {part} in\n{metrics}");
    }
}

#[tokio::test]
async fn what_clients_make_up_makes_no_series() {
    let app = spawn_app().await;
    for number in 0..50 {
        app.get_path(&format!("/made/up/{number}")).await;
        app.get_path(&format!("/picus/get/made-up-{number}")).await;
        let method = Method::from_bytes(format!("MADE{number}").as_bytes()).unwrap();
        app.request(method, "/picus/list").send().await.unwrap();
    }
    let metrics = app.scrape().await;
    assert!(!metrics.to_lowercase().contains("made"), "{metrics}");
}

#[tokio::test]
async fn every_metric_is_in_the_catalogue() {
    let app = spawn_app().await;
    app.put(&json!({})).await;
    app.get_path("/picus/list").await.text().await.unwrap();
    let known: HashSet<_> =
        picus_telemetry::catalogue::ALL.iter().map(|metric| metric.name).collect();
    let metrics = app.scrape().await;
    let families =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for family in families {
        assert!(known.contains(family), "{family} is not in the catalogue");
        assert!(metrics.contains(&format!("# HELP {family} ")), "{family} has no HELP");
    }
}

#[tokio::test]
async fn metrics_are_not_on_the_public_address() {
    let app = spawn_app().await;
    assert_eq!(app.get_path("/metrics").await.status(), 404);
}

#[tokio::test]
async fn answers_are_not_to_be_cached_nor_guessed_at() {
    let app = spawn_app().await;
    let response = app.get_path("/health").await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(!response.headers().contains_key("server"));
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}
