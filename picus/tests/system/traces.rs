//! The spans of a request, and the trace id in the response and the log.

use std::collections::BTreeMap;
use std::time::Duration;

use picus_local::dynamodb::DynamoDbFault;
use picus_local::traces::{Collector, Span};
use picus_local::{Options, System};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time;

use crate::given::{Client, options, started};
use crate::task_metadata::{self, TASK_ID};

const PATIENCE: Duration = Duration::from_secs(20);
/// The variable with the URL of ECS's task metadata.
const METADATA: &str = "ECS_CONTAINER_METADATA_URI_V4";
const ROOT: &str = "1-67891233-abcdef012345678912345678";
const TRACE: &str = "67891233abcdef012345678912345678";

/// A system, and a collector that receives its spans.
struct Traced {
    system: System,
    client: Client,
    collector: Collector,
    seen: Vec<Span>,
}

async fn traced(mut options: Options) -> Traced {
    let collector = Collector::start().await.unwrap();
    options.otlp_endpoint = Some(collector.endpoint());
    let (system, client) = started(options).await;
    Traced { system, client, collector, seen: Vec::new() }
}

impl Traced {
    async fn send(&self, method: Method, path: &str, header: (&str, &str)) -> Response {
        self.client.request(method, path).header(header.0, header.1).send().await.unwrap()
    }

    /// Waits until a trace has `count` spans. Returns the request's span first, then its calls.
    async fn spans_of(&mut self, trace_id: &str, count: usize) -> Vec<Span> {
        let all = async {
            loop {
                let mut found: Vec<_> =
                    self.seen.iter().filter(|span| span.trace_id == trace_id).cloned().collect();
                if found.len() >= count {
                    found.sort_by_key(|span| (!span.is_server, span.start));
                    return found;
                }
                self.seen.extend(self.collector.spans.recv().await.unwrap());
            }
        };
        time::timeout(PATIENCE, all).await.unwrap()
    }
}

/// The trace id of a response, in OpenTelemetry's format.
fn trace_of(response: &Response) -> String {
    let root = response.headers()["x-amzn-trace-id"].to_str().unwrap();
    root.trim_start_matches("Root=1-").replace('-', "")
}

/// A span's attributes. The values that differ from run to run are replaced by `…`.
fn told(span: &Span) -> Value {
    const VARYING: [&str; 6] = [
        "request_id",
        "server.port",
        "aws.request_id",
        "exception.message",
        "faas.invocation_id",
        "aws.lambda.invoked_arn",
    ];
    let blank = |attributes: &BTreeMap<String, Value>| -> BTreeMap<String, Value> {
        let entries = attributes.iter().map(|(name, value)| {
            let value = if VARYING.contains(&name.as_str()) { json!("…") } else { value.clone() };
            (name.clone(), value)
        });
        entries.filter(|(name, _)| name != "level" && name != "target").collect()
    };
    let events: Vec<_> =
        span.events.iter().map(|event| (&event.name, blank(&event.attributes))).collect();
    json!({ "name": span.name, "failed": span.failed, "attributes": blank(&span.attributes), "events": events })
}

#[tokio::test]
async fn both_programs_trace_a_request_with_a_server_span_and_a_client_span() {
    let mut options = options();
    let (name, value) =
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests,service.version=4f2c1e7");
    options.environment.insert(name.to_owned(), value.to_owned());
    let mut traced = traced(options).await;
    let id = traced.client.put(&json!({})).await;
    let path = format!("/picus/get/{id}");
    let got = traced.send(Method::GET, &path, ("user-agent", "tests")).await;
    let deleted =
        traced.send(Method::DELETE, &format!("/picus/{id}"), ("user-agent", "tests")).await;

    let mut expected = json!({
        "name": "GET /picus/get/{key}",
        "failed": false,
        "attributes": {
            "http.request.method": "GET",
            "http.route": "/picus/get/{key}",
            "http.response.status_code": 200,
            "url.scheme": "http",
            "url.path": path,
            "network.protocol.version": "1.1",
            "server.address": "127.0.0.1",
            "server.port": "…",
            "client.address": "127.0.0.1",
            "user_agent.original": "tests",
            "request_id": "…",
            "object_id": id,
        },
        "events": [],
    });
    let call = |operation: &str| {
        json!({
            "name": format!("DynamoDB.{operation}"),
            "failed": false,
            "attributes": {
                "rpc.system": "aws-api",
                "rpc.service": "DynamoDB",
                "rpc.method": operation,
                "db.system.name": "aws.dynamodb",
                "db.operation.name": operation,
                "db.collection.name": "picus_data",
                "aws.dynamodb.table_names": ["picus_data"],
                "cloud.region": "eu-central-1",
                "aws.request_id": "…",
            },
            "events": [],
        })
    };
    let spans = traced.spans_of(&trace_of(&got), 2).await;
    assert_eq!(told(&spans[0]), expected);
    assert_eq!(told(&spans[1]), call("GetItem"));
    assert_eq!(
        (spans[0].parent_span_id.as_str(), &spans[1].parent_span_id),
        ("", &spans[0].span_id)
    );
    assert_eq!(spans[0].resource["service.name"], "picus-service");
    assert_eq!(spans[0].resource["deployment.environment.name"], "tests");
    assert_eq!(spans[0].resource["service.version"], "4f2c1e7");
    assert!(spans[0].duration >= spans[1].duration);

    expected["name"] = json!("DELETE /picus/{key}");
    let attributes = &mut expected["attributes"];
    attributes["http.request.method"] = json!("DELETE");
    attributes["http.route"] = json!("/picus/{key}");
    attributes["url.path"] = json!(format!("/picus/{id}"));
    // The events do not contain the client's HTTP version.
    attributes.as_object_mut().unwrap().remove("network.protocol.version");
    attributes["faas.trigger"] = json!("http");
    attributes["faas.invocation_id"] = json!("…");
    attributes["aws.lambda.invoked_arn"] = json!("…");
    attributes["faas.coldstart"] = json!(true);
    let spans = traced.spans_of(&trace_of(&deleted), 2).await;
    assert_eq!(told(&spans[0]), expected);
    assert_eq!(told(&spans[1]), call("DeleteItem"));
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    assert_eq!(spans[0].resource["service.name"], "picus-delete-handler");
    assert_eq!(spans[0].resource["cloud.platform"], "aws_lambda");
    assert_eq!(spans[0].resource["service.version"], "4f2c1e7");
    // The load balancer has sent health checks all the time.
    assert!(traced.seen.iter().all(|span| span.name != "GET /health"), "{:#?}", traced.seen);
    traced.system.stop().await;
}

#[tokio::test]
async fn the_services_spans_name_their_ecs_task() {
    let metadata = task_metadata::serve("service").await;
    let mut options = options();
    options.environment.insert(METADATA.to_owned(), format!("http://{metadata}"));
    let mut traced = traced(options).await;
    let got = traced.client.get_path("/picus/get/none").await;
    let resource = traced.spans_of(&trace_of(&got), 2).await.remove(0).resource;
    let arn = "arn:aws:ecs:eu-central-1:123456789012";
    let logs = "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/picus-service:*";
    for (name, value) in [
        ("service.name", json!("picus-service")),
        ("cloud.provider", json!("aws")),
        ("cloud.platform", json!("aws_ecs")),
        ("cloud.region", json!("eu-central-1")),
        ("cloud.account.id", json!("123456789012")),
        ("cloud.availability_zone", json!("eu-central-1a")),
        ("aws.ecs.cluster.arn", json!(format!("{arn}:cluster/picus-cluster"))),
        ("aws.ecs.task.arn", json!(format!("{arn}:task/picus-cluster/{TASK_ID}"))),
        ("aws.ecs.task.id", json!(TASK_ID)),
        ("aws.ecs.task.family", json!("picus-task-definition")),
        ("aws.ecs.task.revision", json!("7")),
        ("aws.ecs.launchtype", json!("fargate")),
        ("container.name", json!("service")),
        ("aws.log.group.names", json!(["/ecs/picus-service"])),
        ("aws.log.group.arns", json!([logs])),
    ] {
        assert_eq!(resource.get(name), Some(&value), "{name} in {resource:#?}");
    }
    traced.system.stop().await;
}

#[tokio::test]
async fn missing_task_metadata_delays_neither_the_start_nor_requests() {
    // A server that accepts connections and never answers.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    options.environment.insert(METADATA.to_owned(), url);
    let mut traced = traced(options).await;
    let asked = time::timeout(Duration::ZERO, hanging.accept()).await;
    assert!(asked.is_err(), "the service must not read the metadata before it serves");
    let got = traced.client.get_path("/picus/get/none").await;
    // Keeps the connection open.
    let _asked = time::timeout(PATIENCE, hanging.accept()).await.unwrap().unwrap();
    assert_eq!(traced.client.get_status("none").await, 404);
    let resource = traced.spans_of(&trace_of(&got), 2).await.remove(0).resource;
    assert_eq!(resource["service.name"], "picus-service");
    assert!(!resource.contains_key("aws.ecs.task.arn"), "{resource:#?}");
    traced.system.stop().await;
}

#[tokio::test]
async fn the_load_balancers_root_becomes_the_trace_id_without_a_parent() {
    let mut traced = traced(options()).await;
    for (method, path) in [(Method::GET, "/picus/get/none"), (Method::DELETE, "/picus/none")] {
        let root = format!("Root={ROOT}");
        let answer = traced.send(method, path, ("x-amzn-trace-id", &root)).await;
        assert_eq!(trace_of(&answer), TRACE);
        assert_eq!(answer.json::<Value>().await.unwrap()["trace_id"], ROOT);
        let spans = traced.spans_of(TRACE, 2).await;
        assert_eq!(spans[0].parent_span_id, "", "{path}");
        assert_eq!(spans[1].parent_span_id, spans[0].span_id, "{path}");
        assert!(!spans[0].failed, "a 404 is no failure of the service");
        traced.seen.clear();
    }
    traced.system.stop().await;
}

#[tokio::test]
async fn the_callers_sampling_decision_is_followed() {
    let mut options = options();
    // Without a caller's decision, the service samples no request.
    options.environment.insert("OTEL_TRACES_SAMPLER".into(), "parentbased_always_off".into());
    let mut traced = traced(options).await;
    let w3c = format!("00-{TRACE}-b7ad6b7169203331-0");
    for (name, value, sampled) in [
        ("x-amzn-trace-id", format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=0"), None),
        ("x-amzn-trace-id", format!("Root={ROOT}"), None),
        ("traceparent", format!("{w3c}0"), None),
        (
            "x-amzn-trace-id",
            format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"),
            Some("53995c3f42cd8ad8"),
        ),
        ("traceparent", format!("{w3c}1"), Some("b7ad6b7169203331")),
        ("x-amzn-trace-id", format!("Root={ROOT};Sampled=1"), Some("")),
    ] {
        // Bypasses the load balancer, which would add its own header.
        let service = Client::of(traced.system.tasks()[0].running().await.unwrap().address);
        let answer = service.request(Method::GET, "/picus/get/none").header(name, &value);
        let answer = answer.header("tracestate", "a=1").header("tracestate", "b=2");
        assert_eq!(trace_of(&answer.send().await.unwrap()), TRACE, "{value}");
        let Some(parent) = sampled else { continue };
        // Only the sampled request is traced.
        let spans = traced.spans_of(TRACE, 2).await;
        assert_eq!(spans.len(), 2, "{value}");
        assert_eq!(spans[0].parent_span_id, parent, "{value}");
        // `tracestate` counts only together with `traceparent`.
        let state = if name == "traceparent" { "a=1,b=2" } else { "" };
        assert!(spans.iter().all(|span| span.trace_state == state), "{value}: {spans:#?}");
        traced.seen.clear();
    }
    traced.system.stop().await;
}

#[tokio::test]
async fn a_failure_is_on_both_spans_with_its_attempts_and_cause() {
    let mut options = options();
    options.environment.insert("PICUS_DYNAMODB_MAX_ATTEMPTS".into(), "2".into());
    let mut traced = traced(options).await;
    traced.system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    for (method, path, operation) in
        [(Method::GET, "/picus/get/a", "GetItem"), (Method::DELETE, "/picus/a", "DeleteItem")]
    {
        let answer = traced.send(method, path, ("accept", "*/*")).await;
        assert_eq!(answer.status(), 503);
        let spans = traced.spans_of(&trace_of(&answer), 2).await;
        let [server, call] = &spans[..] else { panic!("{spans:?}") };
        assert!(server.failed && call.failed);
        assert_eq!(server.attributes["http.response.status_code"], 503);
        assert_eq!(server.attributes["error.type"], "throttled");
        assert_eq!(server.attributes["error.code"], "throttled");
        assert_eq!(call.name, format!("DynamoDB.{operation}"));
        assert_eq!(call.attributes["db.response.status_code"], "400", "as DynamoDB answered");
        assert_eq!(call.attributes["error.type"], "throttled");
        let events = |span: &Span| -> Vec<String> {
            span.events.iter().map(|event| event.name.clone()).collect()
        };
        assert_eq!(events(server), ["exception"]);
        assert_eq!(events(call), ["HTTP request failure", "HTTP request failure", "exception"]);
        assert_eq!(call.events[0].attributes["http.response.status_code"], 400);
        assert_eq!(
            call.events[0].attributes["aws.http.error_message"],
            "ProvisionedThroughputExceededException"
        );
        let cause = server.events[0].attributes["exception.message"].as_str().unwrap();
        assert!(cause.contains("ProvisionedThroughputExceededException"), "{cause}");
    }
    traced.system.stop().await;
}

#[tokio::test]
async fn a_hanging_collector_loses_counted_spans_and_delays_no_request() {
    // A server that accepts connections and never answers.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options();
    options.otlp_endpoint = Some(format!("http://{}", hanging.local_addr().unwrap()));
    for (name, value) in [("OTEL_BSP_MAX_QUEUE_SIZE", "20"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500")]
    {
        options.environment.insert(name.to_owned(), value.to_owned());
    }
    let (system, client) = started(options).await;
    let metrics = Client::of(system.tasks()[0].running().await.unwrap().metrics_address);
    let count = async |series: &str| -> u64 {
        let text = metrics.get_path("/metrics").await.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap();
        line.trim().parse().unwrap()
    };
    let full = r#"otel_sdk_processor_span_processed_total{error_type="queue_full"}"#;
    let failed = r#"otel_sdk_exporter_span_exported_total{error_type="export_failed"}"#;
    let patiently = async |series: &str| while count(series).await == 0 {};
    for _ in 0..50 {
        assert_eq!(client.get_status("none").await, 404);
    }
    time::timeout(PATIENCE, patiently(full)).await.unwrap();
    time::timeout(PATIENCE, patiently(failed)).await.unwrap();
    let mut collector = Collector::serve(hanging).unwrap();
    let delivered = async {
        loop {
            assert_eq!(client.get_status("none").await, 404);
            if let Ok(spans) = collector.spans.try_recv() {
                break spans;
            }
        }
    };
    let spans = time::timeout(PATIENCE, delivered).await.unwrap();
    assert!(!spans.is_empty() && spans.len() <= 20, "{}", spans.len());
    time::timeout(PATIENCE, patiently("otel_sdk_exporter_span_exported_total ")).await.unwrap();
    // The service counts a span as processed when the exporter gets it. Afterwards the span is delivered or
    // lost.
    let settled = async {
        loop {
            let processed = count("otel_sdk_processor_span_processed_total ").await;
            let delivered = count("otel_sdk_exporter_span_exported_total ").await;
            if processed == delivered + count(failed).await {
                break;
            }
        }
    };
    time::timeout(PATIENCE, settled).await.unwrap();
    system.stop().await;
}
