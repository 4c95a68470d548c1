//! Which requests X-Ray receives, and what each trace contains.

use futures_util::future::join_all;
use picus_local::dynamodb::DynamoDbFault;
use reqwest::Method;
use serde_json::{Value, json};

use super::eventually;
use super::requests::{PARENT, called, get, slow_put, trace_of};
use super::sidecar::Observed;
use crate::given::options;
use crate::task_metadata::TASK_ID;

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn traces_of_errors_slow_requests_and_sampled_callers_arrive_complete() {
    let mut observed = Observed::start(options()).await;
    let settings = [("PICUS_TRACES_PERCENTAGE", "0"), ("PICUS_SLOW_REQUEST_MS", "2000")];
    observed.start_collector(&settings).await;
    let Observed { client, aws, .. } = &observed;

    let ordinary = trace_of(get(client, "ordinary"), 404).await;
    let unwanted = trace_of(called(get(client, "unwanted"), "Sampled=0"), 404).await;
    let put = client.request(Method::POST, "/picus/put").json(&json!({ "name": "picus" }));
    let wanted = trace_of(called(put, "Sampled=1"), 201).await;
    let missing = trace_of(called(get(client, "missing"), "Sampled=1"), 404).await;
    let slow = trace_of(slow_put(client), 201).await;
    observed.system.dynamodb_fault(Some(DynamoDbFault::Unreachable));
    let failed = trace_of(get(client, "failed").header("X-Request-Id", "order-17"), 500).await;
    observed.system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    let throttled = trace_of(get(client, "throttled"), 503).await;

    let url = format!("http://{}/picus/get/failed", observed.system.address());
    let (service, call) = told(&observed, &failed).await;
    assert_tells_of_the_failure(&service, &failed, &url);
    assert_includes(
        &call,
        &json!({
            "name": "DynamoDB", "namespace": "aws", "type": "subsegment", "parent_id": service["id"],
            "fault": true, "error": false, "throttle": false,
            "aws": { "operation": "GetItem", "table_name": "picus_data", "region": "eu-central-1" },
            "annotations": { "error.type": "connection" },
            "cause": { "exceptions": [{ "type": "aws.http.error.event", "remote": true }] },
        }),
    );

    let (service, call) = told(&observed, &throttled).await;
    assert_includes(
        &service,
        &json!({ "fault": true, "annotations": { "error.code": "throttled" } }),
    );
    assert_includes(
        &call,
        &json!({
            "fault": false, "error": true, "throttle": true,
            "annotations": { "error.type": "throttled" },
        }),
    );

    let (service, _) = told(&observed, &slow).await;
    assert_includes(
        &service,
        &json!({ "fault": false, "http": { "response": { "status": 201 } } }),
    );
    assert!(service["end_time"].as_f64() > service["start_time"].as_f64().map(|start| start + 2.0));

    let (service, call) = told(&observed, &wanted).await;
    assert_includes(
        &service,
        &json!({
            "name": "picus-service", "parent_id": PARENT, "fault": false, "error": false,
            "annotations": { "http.route": "/picus/put" },
        }),
    );
    assert_includes(
        &call,
        &json!({
            "name": "DynamoDB", "parent_id": service["id"], "fault": false, "error": false,
            "aws": { "operation": "PutItem", "table_name": "picus_data" },
        }),
    );

    let (service, call) = told(&observed, &missing).await;
    assert_includes(&service, &json!({ "fault": false, "error": true }));
    assert_includes(&call, &json!({ "fault": false, "error": false }));

    for unknown in [ordinary, unwanted] {
        assert_eq!(aws.segments(&unknown).await, Vec::<Value>::new());
    }
    // Exactly the actions that the task's role allows the collector.
    let actions = ["Logs_20140328.CreateLogStream", "Logs_20140328.PutLogEvents", "TraceSegments"];
    assert_eq!(aws.actions_of_the_collector(), actions.map(str::to_owned).into());
    observed.stop().await;
}

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn a_share_of_all_other_requests_is_exported() {
    let mut observed = Observed::start(options()).await;
    observed.start_collector(&[("PICUS_SLOW_REQUEST_MS", "60000")]).await;
    let client = &observed.client;
    let one_after_the_other = async || {
        let mut traces = Vec::new();
        for _ in 0..100 {
            traces.push(trace_of(get(client, "ordinary"), 404).await);
        }
        traces
    };
    let traces = join_all((0..10).map(|_| one_after_the_other())).await.concat();
    let last = trace_of(called(get(client, "last"), "Sampled=1"), 404).await;
    told(&observed, &last).await;
    let count = observed.aws.known_of(&traces).await;
    // 50 are expected. Fewer than 17 or more than 90 happen once in millions of runs.
    assert!((17..=90).contains(&count), "{count} of {}", traces.len());
    // The collector shares 512 MiB with the service.
    let memory = observed.collector_memory_mib();
    assert!(memory < 200, "the collector takes {memory} MiB");
    observed.stop().await;
}

/// Checks the segment of a request that failed because DynamoDB failed.
fn assert_tells_of_the_failure(service: &Value, trace_id: &str, url: &str) {
    assert_includes(
        service,
        &json!({
            "name": "picus-service", "trace_id": trace_id, "parent_id": null, "type": null,
            "fault": true, "error": false, "throttle": false,
            "http": {
                "request": {
                    "method": "GET", "client_ip": "127.0.0.1",
                    "url": url,
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
}

/// Waits for the two segments of a trace: the service's, and that of its call to DynamoDB.
async fn told(observed: &Observed, trace_id: &str) -> (Value, Value) {
    let of_the_call = |segment: &Value| segment["type"] == "subsegment";
    eventually(async || match observed.aws.segments(trace_id).await.as_slice() {
        [one, other] if of_the_call(other) => Ok((one.clone(), other.clone())),
        [one, other] if of_the_call(one) => Ok((other.clone(), one.clone())),
        others => Err(format!("{others:#?}")),
    })
    .await
}

/// Checks that `actual` contains all of `expected`. A `null` in `expected` must be absent from `actual`.
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
