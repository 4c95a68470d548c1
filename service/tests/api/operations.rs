//! Health, metrics and the headers of every response.

use std::collections::HashSet;
use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::spawn_app;
use crate::program::{Running, exchange};

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
        r#"http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/picus/get/{key}",http_response_status_code="200"}"#,
        r#"db_client_operation_duration_seconds_count{db_system_name="aws.dynamodb",db_operation_name="GetItem"}"#,
        r#"picus_dynamodb_attempts_total{db_operation_name="PutItem"}"#,
        r#"picus_dynamodb_consumed_capacity_units_count{db_operation_name="GetItem"}"#,
    ] {
        assert!(metrics.contains(part), "no {part} in\n{metrics}");
    }
}

#[tokio::test]
async fn invented_paths_and_methods_make_no_new_series() {
    const REQUESTS: usize = 10_000;
    let app = spawn_app().await;
    let (mut answers, mut requests) = TcpStream::connect(app.address).await.unwrap().into_split();
    let ask = async {
        for number in 0..REQUESTS {
            let parent = ["/made/up", "/picus/get", "/picus"][number % 3];
            let end = if number + 1 == REQUESTS { "connection: close\r\n" } else { "" };
            let request =
                format!("MADE{number} {parent}/made-up-{number} HTTP/1.1\r\nhost: x\r\n{end}\r\n");
            requests.write_all(request.as_bytes()).await.unwrap();
        }
    };
    let mut text = String::new();
    let ((), read) = tokio::join!(ask, answers.read_to_string(&mut text));
    read.unwrap();
    assert_eq!(text.matches("HTTP/1.1 40").count(), REQUESTS);
    let metrics = app.scrape().await;
    let series = metrics.lines().filter(|line| line.contains("_OTHER"));
    let series: Vec<_> = series.filter(|line| line.contains("duration_seconds_count{")).collect();
    // One series for each of the six routes, and one for all other paths.
    assert!((3..=7).contains(&series.len()), "{series:#?}");
    assert!(!metrics.to_lowercase().contains("made"), "{metrics}");
}

#[test]
fn every_504_is_counted_once_whichever_deadline_passed() {
    // A DynamoDB that accepts connections and never answers.
    let silence = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silence.local_addr().unwrap());
    // By default, DynamoDB's time-out passes first.
    for shortened in ["PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "PICUS_REQUEST_TIMEOUT_SECONDS"] {
        let mut running = Running::start(&[
            ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            (shortened, "0.2"),
        ]);
        let [address, metrics] = running.addresses;
        for count in 1..=2 {
            let answer = exchange(address, "GET /picus/get/x HTTP/1.0\r\n\r\n");
            assert!(answer.contains("\"deadline_exceeded\""), "{answer}");
            running.line(|line| line["http.response.status_code"] == 504);
            let scrape = exchange(metrics, "GET /metrics HTTP/1.0\r\n\r\n");
            let counted = format!("\npicus_requests_timed_out_total {count}\n");
            assert!(scrape.contains(&counted), "{shortened}: {scrape}");
        }
    }
}

#[tokio::test]
async fn every_metric_is_in_the_catalogue() {
    let app = spawn_app().await;
    app.put(&json!({})).await;
    for template in picus_api::route::ALL {
        for method in picus_api::route::methods(template) {
            let path = template.replace("{key}", "none");
            let request = app.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
            request.send().await.unwrap().bytes().await.unwrap();
        }
    }
    let known: HashSet<_> = picus_catalogue::ALL.iter().map(|metric| metric.name).collect();
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
async fn responses_forbid_caching_and_content_sniffing() {
    let app = spawn_app().await;
    let response = app.get_path("/health").await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(!response.headers().contains_key("server"));
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}
