//! What X-Ray is told: of which requests, and what of each.

use std::time::Duration;

use futures_util::future::join_all;
use picus_local::dynamodb::Storage;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::eventually;
use super::sidecar::Observed;
use super::task_metadata::TASK_ID;
use super::wire::{Fault, Wire};
use crate::given::{Client, options};

const PARENT: &str = "53995c3f42cd8ad8";

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run .ci/collector"]
async fn errors_slow_requests_and_what_callers_want_are_told_in_full() {
    let wire = Wire::start().await;
    let mut options = options();
    options.storage = Storage::Elsewhere(wire.endpoint.clone());
    options.environment.insert("OTEL_BSP_SCHEDULE_DELAY".into(), "200".into());
    let mut observed = Observed::start(options).await;
    let settings = [("PICUS_TRACES_PERCENTAGE", "0"), ("PICUS_SLOW_REQUEST_MS", "3000")];
    observed.start_collector(&settings).await;
    let Observed { client, aws, .. } = &observed;

    let ordinary = trace_of(get(client, "ordinary"), 404).await;
    let unwanted = trace_of(called(get(client, "unwanted"), "Sampled=0"), 404).await;
    let put = client.request(Method::POST, "/picus/put").json(&json!({ "name": "picus" }));
    let wanted = trace_of(called(put, "Sampled=1"), 201).await;
    let missing = trace_of(called(get(client, "missing"), "Sampled=1"), 404).await;
    let slow = trace_of(slow_put(client), 201).await;
    wire.fault(Fault::Unreachable);
    let failed = trace_of(get(client, "failed").header("X-Request-Id", "order-17"), 500).await;
    wire.fault(Fault::Throttles);
    let throttled = trace_of(get(client, "throttled"), 503).await;

    let told = told(&observed, &failed, 2).await;
    assert_includes(
        &told[0],
        &json!({
            "name": "picus-service", "trace_id": failed, "parent_id": null, "type": null,
            "fault": true, "error": false, "throttle": false,
            "http": {
                "request": {
                    "method": "GET", "client_ip": "127.0.0.1",
                    "url": format!("http://{}/picus/get/failed", observed.system.address()),
                },
                "response": { "status": 500 },
            },
            "origin": "AWS::ECS::Fargate",
            "aws": {
                "ecs": { "task_family": "picus-task-definition" },
                "cloudwatch_logs": [{
                    "log_group": "/ecs/picus-service",
                    "arn": "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/picus-service",
                }],
                "xray": { "sdk": "opentelemetry for rust" },
            },
            "service": { "version": env!("CARGO_PKG_VERSION") },
            "annotations": {
                "http.route": "/picus/get/{key}", "request_id": "order-17", "object_id": "failed",
                "error.code": "internal", "otel.resource.service.version": env!("CARGO_PKG_VERSION"),
                "otel.resource.aws.ecs.task.id": TASK_ID,
            },
            "cause": { "exceptions": [{ "type": "internal" }] },
        }),
    );
    assert_includes(
        &told[1],
        &json!({
            "name": "DynamoDB", "namespace": "aws", "type": "subsegment", "parent_id": told[0]["id"],
            "fault": true, "error": false, "throttle": false,
            "aws": { "operation": "GetItem", "table_name": "picus_data", "region": "eu-central-1" },
            "annotations": { "error.type": "connection" },
            "cause": { "exceptions": [{ "type": "aws.http.error.event", "remote": true }] },
        }),
    );

    let told = self::told(&observed, &throttled, 2).await;
    assert_includes(
        &told[0],
        &json!({ "fault": true, "annotations": { "error.code": "throttled" } }),
    );
    assert_includes(
        &told[1],
        &json!({
            "fault": false, "error": true, "throttle": true,
            "annotations": { "error.type": "throttled" },
        }),
    );

    let told = self::told(&observed, &slow, 2).await;
    assert_includes(
        &told[0],
        &json!({ "fault": false, "http": { "response": { "status": 201 } } }),
    );
    assert!(told[0]["end_time"].as_f64() > told[0]["start_time"].as_f64().map(|start| start + 3.0));

    let told = self::told(&observed, &wanted, 2).await;
    assert_includes(
        &told[0],
        &json!({
            "name": "picus-service", "parent_id": PARENT, "fault": false, "error": false,
            "annotations": { "http.route": "/picus/put" },
        }),
    );
    assert_includes(
        &told[1],
        &json!({
            "name": "DynamoDB", "parent_id": told[0]["id"], "fault": false, "error": false,
            "aws": { "operation": "PutItem", "table_name": "picus_data" },
        }),
    );

    let told = self::told(&observed, &missing, 2).await;
    assert_includes(&told[0], &json!({ "fault": false, "error": true }));
    assert_includes(&told[1], &json!({ "fault": false, "error": false }));

    for unknown in [ordinary, unwanted] {
        assert_eq!(aws.segments(&unknown).await, Vec::<Value>::new());
    }
    // What the task's role must allow, and no more.
    let actions = ["Logs_20140328.CreateLogStream", "Logs_20140328.PutLogEvents", "TraceSegments"];
    assert_eq!(aws.actions_of_the_collector(), actions.map(str::to_owned).into());
    observed.stop().await;
    wire.dynamodb.stop().await;
}

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run .ci/collector"]
async fn of_all_other_requests_a_share_is_told() {
    let mut options = options();
    options.environment.insert("OTEL_BSP_SCHEDULE_DELAY".into(), "200".into());
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[("PICUS_SLOW_REQUEST_MS", "60000")]).await;
    let client = &observed.client;
    let one_after_the_other = async || {
        let mut traces = Vec::new();
        for _ in 0..200 {
            traces.push(trace_of(get(client, "ordinary"), 404).await);
        }
        traces
    };
    let traces = join_all((0..10).map(|_| one_after_the_other())).await.concat();
    let last = trace_of(called(get(client, "last"), "Sampled=1"), 404).await;
    told(&observed, &last, 2).await;
    let mut count = 0;
    for trace in traces {
        count += usize::from(!observed.aws.segments(&trace).await.is_empty());
    }
    // 100 are to be expected; fewer than 50 or more than 160 come once in millions of runs.
    assert!((50..=160).contains(&count), "{count} of 2000");
    // It shares 512 MiB with the service.
    let memory = observed.collector_memory_mib();
    assert!(memory < 200, "the collector takes {memory} MiB");
    observed.stop().await;
}

fn get(client: &Client, key: &str) -> RequestBuilder {
    client.request(Method::GET, &format!("/picus/get/{key}"))
}

/// A put whose body takes its time.
fn slow_put(client: &Client) -> RequestBuilder {
    let chunks = futures_util::stream::unfold("{\"slow\":", |chunk| async move {
        match chunk {
            "" => None,
            "{\"slow\":" => Some((Ok::<_, std::io::Error>(chunk), "true}")),
            _ => {
                sleep(Duration::from_millis(3500)).await;
                Some((Ok(chunk), ""))
            }
        }
    });
    client
        .request(Method::POST, "/picus/put")
        .header("Content-Type", "application/json")
        .body(Body::wrap_stream(chunks))
}

/// The request as a part of someone else's trace.
fn called(request: RequestBuilder, sampled: &str) -> RequestBuilder {
    let random = Uuid::new_v4().simple().to_string();
    let root = format!("1-{}-{}", &random[..8], &random[8..]);
    request.header("X-Amzn-Trace-Id", format!("Root={root};Parent={PARENT};{sampled}"))
}

/// Makes the request, and tells its trace's id.
async fn trace_of(request: RequestBuilder, status: u16) -> String {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    let header = response.headers()["x-amzn-trace-id"].to_str().unwrap();
    header.strip_prefix("Root=").unwrap().to_owned()
}

/// The segments of a trace, the service's first, once all are there.
async fn told(observed: &Observed, trace_id: &str, count: usize) -> Vec<Value> {
    let mut segments = eventually(async || {
        let segments = observed.aws.segments(trace_id).await;
        if segments.len() == count { Ok(segments) } else { Err(format!("{segments:#?}")) }
    })
    .await;
    segments.sort_by_key(|segment| segment["type"] == "subsegment");
    segments
}

/// Whether `expected` is all there; null stands for what is not.
fn assert_includes(actual: &Value, expected: &Value) {
    fn includes(actual: &Value, expected: &Value) -> bool {
        match (actual, expected) {
            (Value::Object(actual), Value::Object(expected)) => expected
                .iter()
                .all(|(name, part)| includes(actual.get(name).unwrap_or(&Value::Null), part)),
            (Value::Array(actual), Value::Array(expected)) => {
                actual.len() >= expected.len()
                    && actual.iter().zip(expected).all(|(actual, part)| includes(actual, part))
            }
            _ => actual == expected,
        }
    }
    assert!(includes(actual, expected), "{actual:#}\ndoes not include\n{expected:#}");
}
