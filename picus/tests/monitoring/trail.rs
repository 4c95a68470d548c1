//! A fault leaves the log line that its runbook describes, and the trace to which the line leads, in the right
//! colour. [`crate::queries`] tests that the runbook's queries find the line.

use std::time::Duration;

use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::traces::{Collector, Span};
use serde_json::Value;

use crate::given::file;
use crate::scenes::{all, options};

/// Runs a system with this fault, gets an item and deletes it. Returns the access lines and all spans.
async fn signals_of(
    fault: Option<DynamoDbFault>,
    settings: &[(&str, &str)],
) -> (Vec<Value>, Vec<Span>) {
    let mut collector = Collector::start().await.unwrap();
    let (options, received) =
        options(settings, Duration::from_secs(20), Some(collector.endpoint()));
    let system = System::start(options).await.unwrap();
    system.dynamodb_fault(fault);
    let url = format!("http://{}/picus", system.address());
    let client = reqwest::Client::new();
    for request in [client.get(format!("{url}/get/x")), client.delete(format!("{url}/x"))] {
        assert!(request.send().await.unwrap().status().is_server_error());
    }
    drop(client);
    system.stop().await;
    let received = all(received).await;
    let lines = received.iter().filter_map(|(_, line)| serde_json::from_str::<Value>(line).ok());
    let lines = lines
        .filter(|line| line["message"] == "request" && line["http.route"] != "/health")
        .collect();
    let mut spans = Vec::new();
    // Each request has its own span, and one for its call.
    while spans.len() < 4 {
        let delivered = tokio::time::timeout(Duration::from_secs(10), collector.spans.recv());
        spans.extend(delivered.await.expect("spans in time").unwrap());
    }
    (lines, spans)
}

/// In X-Ray, a fault is red because of the status of the request's span, and its cause is on the call's span. A
/// throttled call is purple because of its type (`otel-collector.yaml`).
fn assert_told_by_its_trace(line: &Value, chain: &str, spans: &[Span]) {
    let trace: Vec<_> = spans.iter().filter(|span| span.trace_id == line["trace_id"]).collect();
    let [request, call] = [true, false].map(|is_server| {
        let mut found = trace.iter().filter(|span| span.is_server == is_server);
        *found.next().unwrap_or_else(|| panic!("{line}: {trace:?}"))
    });
    assert_eq!(request.span_id, line["span_id"]);
    assert!(request.failed && call.failed, "{trace:?}");
    assert_eq!(request.attributes["http.response.status_code"], line["http.response.status_code"]);
    let throttled = line["error.code"] == "throttled";
    assert_eq!(call.attributes["error.type"] == "throttled", throttled, "{call:?}");
    let mut causes =
        call.events.iter().filter_map(|event| event.attributes.get("exception.message"));
    let told = causes.any(|cause| cause.as_str().unwrap().contains(chain));
    assert!(told || call.attributes["error.type"] == chain, "{call:?}");
}

/// Both programs' lines are as the runbook's table describes them.
async fn leaves(
    fault: Option<DynamoDbFault>,
    settings: &[(&str, &str)],
    runbook: &str,
    code: &str,
    chain: &str,
) {
    let text = file(&format!("docs/runbooks/{runbook}.md"));
    assert!(
        text.contains(&format!("`{code}`")) && text.contains(chain),
        "{runbook}: {code}, {chain}"
    );
    let (lines, spans) = signals_of(fault, settings).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        assert_told_by_its_trace(&line, chain, &spans);
        assert_eq!(line["error.code"], code, "{line}");
        assert!(line["exception.message"].as_str().unwrap().contains(chain), "{line}");
    }
}

#[tokio::test]
async fn dynamodb_that_is_unreachable() {
    let fault = Some(DynamoDbFault::Unreachable);
    leaves(fault, &[], "availability-page", "internal", "connection").await;
}

#[tokio::test]
async fn a_role_that_lacks_an_action() {
    let fault = Some(DynamoDbFault::Denies(1));
    leaves(fault, &[], "availability-page", "internal", "access_denied").await;
}

#[tokio::test]
async fn the_wrong_table() {
    let settings = [("DYNAMODB_TABLE_NAME", "picus_date")];
    leaves(None, &settings, "availability-page", "internal", "access_denied").await;
}

#[tokio::test]
async fn dynamodb_that_throttles() {
    let chain = "ProvisionedThroughputExceededException";
    leaves(Some(DynamoDbFault::Throttles(1)), &[], "dynamodb-throttling", "throttled", chain).await;
}

#[tokio::test]
async fn dynamodb_that_is_slow() {
    let settings =
        [("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "0.2"), ("PICUS_DYNAMODB_MAX_ATTEMPTS", "1")];
    let slow = DynamoDbFault::Slow(1, Duration::from_secs(2));
    leaves(Some(slow), &settings, "availability-page", "deadline_exceeded", "timeout").await;
}
