//! The tests of runbooks' queries use recorded log lines of a failing collector
//! (`picus/tests/monitoring/collector/`). These tests check that the real collector still writes them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::sidecar::OVERLAY;
use super::{PATIENCE, eventually, free_address, repository};

fn message(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["msg"].as_str()?.to_owned())
}

/// Runs a collector that can reach neither the service nor AWS, with the additional configuration `more`, until
/// it has written every recorded line.
async fn says(log: &str, more: &str) {
    let recorded = repository().join(format!("picus/tests/monitoring/collector/{log}.log"));
    let recorded = fs::read_to_string(recorded).unwrap();
    let mut missing: BTreeSet<_> = recorded.lines().filter_map(message).collect();
    assert!(!missing.is_empty());
    let otlp = free_address();
    let mut collector = Command::new(repository().join("target/collector/picus-collector"))
        .args(["--config=env:CONFIGURATION", &format!("--config=file:{OVERLAY}")])
        .arg("--config=env:MORE")
        .env_clear()
        .env("CONFIGURATION", fs::read_to_string(repository().join("otel-collector.yaml")).unwrap())
        .env("MORE", more)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("OTLP_ADDRESS", otlp.to_string())
        .env("HEALTH_ADDRESS", free_address().to_string())
        // Port 9 is "discard": nothing listens there.
        .env("AWS_URL", "http://127.0.0.1:9")
        .env("PICUS_METRICS_ADDRESS", "127.0.0.1:9")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("ci/collector builds the collector");
    let mut lines = BufReader::new(collector.stderr.take().unwrap()).lines();
    let failed = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": "5b8efff798038103d269b633813fc610", "spanId": "eee19b7ec3c1b111",
        "name": "GET", "kind": 2, "status": { "code": 2 },
        "startTimeUnixNano": "1764000000000000000", "endTimeUnixNano": "1764000001000000000",
    }] }] }] });
    let client = reqwest::Client::new();
    eventually(async || {
        let sent = client.post(format!("http://{otlp}/v1/traces")).json(&failed).send().await;
        sent.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
    let heard = async {
        while !missing.is_empty() {
            let line = lines.next_line().await.unwrap().expect("a collector that runs");
            message(&line).map(|message| missing.remove(&message));
        }
    };
    let heard = timeout(PATIENCE, heard).await;
    assert!(heard.is_ok(), "the collector did not write {missing:?}");
}

#[tokio::test]
#[ignore = "needs a collector: run ci/collector"]
async fn a_collector_without_service_and_aws_writes_the_recorded_lines() {
    says("troubled", "{}").await;
}

#[tokio::test]
#[ignore = "needs a collector: run ci/collector"]
async fn a_collector_short_of_memory_writes_the_recorded_lines() {
    let memory = "{processors: {memory_limiter: {limit_mib: 22, spike_limit_mib: 18}}}";
    says("short", memory).await;
}
