//! A fault leaves the line that its runbook speaks of, which the runbook's query finds, and the trace
//! that this line leads to, in its right colour.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picus_local::cloudwatch::meter::Meter;
use picus_local::dynamodb::{Fault, Storage};
use picus_local::lambda::UNRESERVED_CONCURRENCY;
use picus_local::load_balancer::HealthCheck;
use picus_local::output::Output;
use picus_local::traces::{Collector, Span};
use picus_local::{Options, System};
use regex::Regex;
use serde_json::Value;

use crate::given::file;
use crate::runbooks::blocks;

/// An executable in the real one's place, whose programs write their lines to the file `lines`.
fn writing_to(folder: &Path) -> PathBuf {
    let script = folder.join("picus-local");
    let executable = env!("CARGO_BIN_EXE_picus-local");
    let text = format!("#!/bin/sh\nexec {executable} \"$@\" >> {}/lines\n", folder.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// A system in which this is wrong, asked once for an item and once to delete it; its access lines
/// and all of its spans.
async fn signals_of(fault: Option<Fault>, settings: &[(&str, &str)]) -> (Vec<Value>, Vec<Span>) {
    let mut collector = Collector::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings.iter().chain(&[("PICUS_WORKERS", "1")]);
    let options = Options {
        port: 0,
        storage: Storage::Memory,
        tasks: 1,
        function_timeout: Duration::from_secs(20),
        function_concurrency: UNRESERVED_CONCURRENCY,
        executable: writing_to(folder.path()),
        output: Output::Quiet,
        otlp_endpoint: Some(collector.endpoint()),
        meter: Meter::on(),
        health_check: HealthCheck::default(),
        environment: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<HashMap<_, _>>(),
    };
    let system = System::start(options).await.unwrap();
    system.dynamodb_fault(fault);
    let url = format!("http://{}/picus", system.address());
    let client = reqwest::Client::new();
    for request in [client.get(format!("{url}/get/x")), client.delete(format!("{url}/x"))] {
        assert!(request.send().await.unwrap().status().is_server_error());
    }
    // Stopped, both have written all that they had to.
    system.stop().await;
    let mut lines = Vec::new();
    for _ in 0..500 {
        let text = fs::read_to_string(folder.path().join("lines")).unwrap();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines = all
            .filter(|line| line["message"] == "request" && line["http.route"] != "/health")
            .collect();
        if lines.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut spans = Vec::new();
    // Of each request, its own and its call's.
    while spans.len() < 4 {
        let delivered = tokio::time::timeout(Duration::from_secs(10), collector.spans.recv());
        spans.extend(delivered.await.expect("spans in time").unwrap());
    }
    (lines, spans)
}

/// Whether a query's filter lets a line through: conditions, all of which must hold.
fn finds(query: &str, line: &Value) -> bool {
    let (_, rest) = query.split_once("| filter ").unwrap();
    let filter = rest.split('|').next().unwrap();
    filter.split(" and ").all(|condition| holds(condition.trim(), line))
}

fn holds(condition: &str, line: &Value) -> bool {
    let field = |name: &str| line[name.trim_matches('`')].clone();
    if let Some(name) = condition.strip_prefix("ispresent(") {
        return !field(name.trim_end_matches(')')).is_null();
    }
    let parts = Regex::new(r"^(\S+) (=|!=|>=|<|>) (?:'(.*)'|([0-9.]+))$").unwrap();
    let parts = parts.captures(condition).unwrap_or_else(|| panic!("not understood: {condition}"));
    let value = field(&parts[1]);
    if let Some(text) = parts.get(3) {
        return (value == text.as_str()) == (&parts[2] == "=");
    }
    let Some(value) = value.as_f64() else { return false };
    let bound: f64 = parts[4].parse().unwrap();
    match &parts[2] {
        ">=" => value >= bound,
        "<" => value < bound,
        ">" => value > bound,
        other => panic!("not understood: {other}"),
    }
}

/// A fault is red in X-Ray, by the status of the request's span, and its cause stands on the call's; a
/// throttled call is purple, by its 429.
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
    let status = call.attributes.get("http.response.status_code");
    assert_eq!(status.is_some_and(|status| status == 429), throttled, "{call:?}");
    let mut causes =
        call.events.iter().filter_map(|event| event.attributes.get("exception.message"));
    assert!(causes.any(|cause| cause.as_str().unwrap().contains(chain)), "{call:?}");
}

/// Both programs' lines are as the runbook's table has them, and found by all of its queries.
async fn leaves(
    fault: Option<Fault>,
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
        assert!(line["error.chain"].as_str().unwrap().contains(chain), "{line}");
        let queries = blocks(&text, "logs");
        assert!(!queries.is_empty());
        for query in queries {
            assert!(finds(&query, &line), "{runbook}: {query} does not find {line}");
        }
    }
}

#[tokio::test]
async fn dynamodb_that_is_unreachable() {
    leaves(Some(Fault::Unreachable), &[], "availability-page", "internal", "dispatch failure")
        .await;
}

#[tokio::test]
async fn a_role_that_lacks_an_action() {
    leaves(Some(Fault::Denies(1)), &[], "availability-page", "internal", "AccessDeniedException")
        .await;
}

#[tokio::test]
async fn the_wrong_table() {
    let settings = [("DYNAMODB_TABLE_NAME", "picus_date")];
    leaves(None, &settings, "availability-page", "internal", "AccessDeniedException").await;
}

#[tokio::test]
async fn dynamodb_that_throttles() {
    let chain = "ProvisionedThroughputExceededException";
    leaves(Some(Fault::Throttles(1)), &[], "dynamodb-throttling", "throttled", chain).await;
}

#[tokio::test]
async fn dynamodb_that_is_slow() {
    let settings =
        [("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "0.2"), ("PICUS_DYNAMODB_MAX_ATTEMPTS", "1")];
    let slow = Fault::Slow(1, Duration::from_secs(2));
    leaves(Some(slow), &settings, "availability-page", "deadline_exceeded", "timeout").await;
}
