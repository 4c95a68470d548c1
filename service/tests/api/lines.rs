//! What log lines say about requests, and what they never contain.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Running, exchange, send};
use picus_testing::engine;

const HEALTH: &str = "GET /health HTTP/1.0\r\n\r\n";
const PUT: &str = "POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

fn is_request(line: &Value) -> bool {
    line["message"] == "request"
}

#[test]
fn each_release_shows_its_version() {
    for release in ["4f2c1e7", "4f2c1e8"] {
        let attributes = format!("deployment.environment.name=tests,service.version={release}");
        let mut running = Running::start(&[("OTEL_RESOURCE_ATTRIBUTES", &attributes)]);
        let [address, metrics] = running.addresses;
        exchange(address, HEALTH);
        assert_eq!(running.line(is_request)["service.version"], release);
        let scrape = exchange(metrics, "GET /metrics HTTP/1.0\r\n\r\n");
        let series = format!(
            "picus_build_info{{service_name=\"picus-service\",service_version=\"{release}\"}} 1"
        );
        assert!(scrape.contains(&series), "{scrape}");
    }
}

#[test]
fn a_bodys_size_is_the_number_of_bytes_received() {
    let mut running = Running::start(&[("PICUS_WORKERS", "1")]);
    let [address, _] = running.addresses;
    let chunk = format!("186a0\r\n{}\r\n", " ".repeat(100_000));
    let chunked = format!(
        "{PUT}connection: close\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(20)
    );
    exchange(address, &chunked);
    let refused = running.line(is_request);
    assert_eq!(refused["http.response.status_code"], 413, "{refused}");
    let size = refused["http.request.body.size"].as_u64().unwrap();
    assert!((1_638_401..=2_000_000).contains(&size), "{refused}");

    let cut = send(address, &format!("{PUT}content-length: 100\r\n\r\n{{\"a\":"));
    // There is one worker. When it has answered a later request, it has read what was sent here.
    exchange(address, HEALTH);
    drop(cut);
    running.line(is_request);
    assert_eq!(running.line(is_request)["http.request.body.size"], 5);

    exchange(address, &format!("{PUT}content-length: 2\r\nconnection: close\r\n\r\n[]"));
    let line = running.line(is_request);
    assert_eq!(line["http.request.body.size"], 2);
    let time = |name: &str| line[name].as_f64().unwrap();
    assert!(time("time_to_first_byte_ms") > 0.0, "{line}");
    assert!(time("time_to_first_byte_ms") <= time("duration_ms"), "{line}");
}

#[tokio::test]
async fn bodies_and_credentials_are_never_logged() {
    const SECRET: &str = "sesame-7c1d";
    let dynamodb = format!("http://{}", engine::start().await);
    let environment = [
        ("RUST_LOG", "trace"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.as_str()),
        ("AWS_ACCESS_KEY_ID", "sesame-7c1d-id"),
        ("AWS_SECRET_ACCESS_KEY", "sesame-7c1d-key"),
        ("AWS_SESSION_TOKEN", "sesame-7c1d-token"),
    ];
    let running = Running::start(&environment);
    let [address, _] = running.addresses;
    let said = tokio::task::spawn_blocking(move || {
        let send = |head: &str, body: &str| {
            let length = body.len();
            let secrets = format!("authorization: Bearer {SECRET}\r\ncookie: session={SECRET}\r\n");
            let rest = format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}");
            exchange(address, &format!("{head}{secrets}{rest}"))
        };
        let stored = send(PUT, &format!("{{\"{SECRET}\":\"{SECRET}\"}}"));
        assert!(stored.starts_with("HTTP/1.1 201 "), "{stored}");
        let (_, body) = stored.split_once("\r\n\r\n").unwrap();
        let id = serde_json::from_str::<Value>(body).unwrap()["object_id"].clone();
        for path in [&format!("/picus/get/{}", id.as_str().unwrap()), "/picus/list"] {
            let got = send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n"), "");
            assert!(got.contains(SECRET), "{got}");
        }
        for refused in
            [format!("{{\"{SECRET}"), format!("[\"{SECRET}\"]"), format!("{{\"a\":1{SECRET}}}")]
        {
            assert!(send(PUT, &refused).starts_with("HTTP/1.1 400 "), "{refused}");
        }
        running.stop()
    });
    let (said, complained) = said.await.unwrap();
    assert!(said.contains("\"DEBUG\""), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    assert_eq!(complained, "");
}

/// No response is sent, so the status and duration of responses do not show such a client.
#[test]
fn a_client_that_leaves_counts_as_late_only_after_the_latency_objective() {
    // A DynamoDB that accepts connections and never answers.
    let silence = TcpListener::bind("127.0.0.1:0").unwrap();
    let dynamodb = format!("http://{}", silence.local_addr().unwrap());
    for (limit, waits, level, late) in
        [("0.2", Duration::from_millis(600), "WARN", 1), ("60", Duration::ZERO, "INFO", 0)]
    {
        let mut running = Running::start(&[
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("PICUS_WORKERS", "1"),
            ("PICUS_LATENCY_OBJECTIVE_SECONDS", limit),
            ("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "20"),
            ("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "20"),
        ]);
        let [address, metrics] = running.addresses;
        let impatient = send(address, "GET /picus/get/x HTTP/1.1\r\nhost: x\r\n\r\n");
        // There is one worker. When it has answered a later request, it has begun this one.
        exchange(address, HEALTH);
        std::thread::sleep(waits);
        drop(impatient);
        let line =
            running.line(|line| is_request(line) && line["http.route"] == "/picus/get/{key}");
        assert_eq!(line["level"], level, "{line}");
        assert_eq!(line["aborted"], true, "{line}");
        assert!(line.get("http.response.status_code").is_none(), "{line}");
        assert!(
            line.get("exception.type").is_none(),
            "a client that leaves is not a failure of the service: {line}"
        );
        let scrape = exchange(metrics, "GET /metrics HTTP/1.0\r\n\r\n");
        for (name, expected) in [("measured", late), ("within_objective", 0)] {
            let series =
                format!("picus_requests_{name}_total{{http_route=\"/picus/get/{{key}}\"}} ");
            let count = scrape.lines().find_map(|line| line.strip_prefix(&series));
            assert_eq!(count, Some(expected.to_string().as_str()), "{name}, limit {limit}");
        }
    }
}
