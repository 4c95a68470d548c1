//! The telemetry of the function: log lines and metrics on stdout, and segments to the X-Ray daemon that Lambda runs.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio::process::{Child, Command};
use tokio::time;

use crate::dynamodb::{self, Health};
use crate::forms::{Form, set_header};
use crate::program::function;
use picus_testing::engine;
use picus_testing::runtime_api::RuntimeApi;

const PATIENCE: Duration = Duration::from_secs(10);

/// A running function, and the test's X-Ray daemon.
struct Given {
    api: RuntimeApi,
    daemon: UdpSocket,
    child: Child,
}

async fn given(dynamodb: SocketAddr) -> Given {
    given_named("picus-delete-handler", dynamodb).await
}

/// Like `given`, but with another service name.
async fn given_named(service_name: &str, dynamodb: SocketAddr) -> Given {
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut api = RuntimeApi::start().await;
    let child = function(api.address, dynamodb)
        .env("AWS_XRAY_DAEMON_ADDRESS", daemon.local_addr().unwrap().to_string())
        .env("OTEL_SERVICE_NAME", service_name)
        .env("PICUS_DYNAMODB_MAX_ATTEMPTS", "2")
        .spawn()
        .unwrap();
    api.polled().await;
    Given { api, daemon, child }
}

impl Given {
    /// Sends a delete, and waits until the function asks for the next event. Returns the documents that the
    /// daemon has received by then: the segment and its only subsegment.
    async fn segments_of_a_delete(&mut self) -> (Value, Value) {
        self.segments_of(&Form::LoadBalancer.sample()).await
    }

    /// Like `segments_of_a_delete`, for this event.
    async fn segments_of(&mut self, event: &Value) -> (Value, Value) {
        self.api.invoke(&event.to_string()).await;
        self.api.polled().await;
        let mut documents = Vec::new();
        let mut datagram = vec![0; 65536];
        // Lambda may freeze the function from here on. What the daemon has not received by now is lost.
        while let Ok(length) = self.daemon.try_recv(&mut datagram) {
            let text = std::str::from_utf8(&datagram[..length]).unwrap();
            // AWS X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon".
            let (header, document) = text.split_once('\n').unwrap();
            let header: Value = serde_json::from_str(header).unwrap();
            assert_eq!(header, json!({ "format": "json", "version": 1 }));
            documents.push(serde_json::from_str::<Value>(document).unwrap());
        }
        documents.sort_by_key(|document| document.get("type").is_some());
        let [segment, part] = &documents[..] else { panic!("{documents:#?}") };
        (segment.clone(), part.clone())
    }
}

#[tokio::test]
async fn the_daemon_has_the_segment_and_its_call_before_the_next_event_is_asked_for() {
    let mut given = given(engine::start().await).await;
    let (segment, part) = given.segments_of_a_delete().await;
    let root = "1-5c536348-3d683b8b04734faae651f476";
    assert_eq!(segment["name"], "picus-delete-handler");
    assert_eq!((&segment["trace_id"], &part["trace_id"]), (&json!(root), &json!(root)));
    assert!(segment.get("parent_id").is_none(), "the load balancer sends no parent: {segment}");
    assert_eq!(segment["origin"], "AWS::Lambda::Function");
    assert_eq!(segment["http"]["request"]["method"], "DELETE");
    assert_eq!(segment["http"]["response"]["status"], 404);
    assert_eq!(segment["error"], true, "a 404 is the client's error: {segment}");
    assert_eq!((&segment["fault"], &segment["cause"]), (&json!(null), &json!(null)), "{segment}");
    assert_eq!(
        segment["annotations"],
        json!({
            "error_code": "item_not_found",
            "http_route": "/picus/{key}",
            "object_id": "some-key",
            "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        })
    );
    assert_eq!(segment["metadata"]["faas.coldstart"], true);
    assert_eq!(part["parent_id"], segment["id"]);
    assert_eq!((&part["name"], &part["namespace"]), (&json!("DynamoDB"), &json!("aws")));
    assert_eq!(part["aws"]["operation"], "DeleteItem");
    assert_eq!(part["aws"]["table_name"], "picus_data");
    assert_eq!(part["aws"]["region"], "eu-central-1");
    let (segment, _) = given.segments_of_a_delete().await;
    assert_eq!(segment["metadata"]["faas.coldstart"], false);
}

#[tokio::test]
async fn a_long_key_or_user_agent_and_an_odd_service_name_do_not_lose_the_trace() {
    let mut given = given_named("picus (delete)", engine::start().await).await;
    let mut event = Form::LoadBalancer.sample();
    let key = "k".repeat(2048);
    event["path"] = json!(format!("/picus/{key}"));
    set_header(&mut event, "user-agent", &"a".repeat(300));
    let (segment, part) = given.segments_of(&event).await;
    assert_eq!(segment["name"], "picus delete");
    let request = &segment["http"]["request"];
    let url = request["url"].as_str().unwrap();
    assert!(url.contains("/picus/kkk") && url.len() <= 250, "{url}");
    assert_eq!(request["user_agent"], "a".repeat(250));
    assert_eq!(segment["metadata"]["object_id"], key);
    assert_eq!(part["parent_id"], segment["id"]);
}

#[tokio::test]
async fn a_failed_request_is_marked_in_its_segment_with_its_cause() {
    let mut given = given(dynamodb::nowhere().await).await;
    let (segment, part) = given.segments_of_a_delete().await;
    assert_eq!((&segment["fault"], &part["fault"]), (&json!(true), &json!(true)));
    assert_eq!(segment["http"]["response"]["status"], 500);
    assert_eq!(segment["annotations"]["error_type"], "internal");
    assert_eq!(part["annotations"]["error_type"], "connection");
    let cause = |document: &Value| document["cause"]["exceptions"].to_string();
    assert!(cause(&segment).contains("Could not delete item: "), "{segment}");
    assert!(cause(&part).contains("dispatch failure"), "{part}");
}

#[tokio::test]
async fn a_throttled_call_is_marked_as_a_throttle_although_dynamodb_answers_400() {
    let (address, health) = dynamodb::start_behind(engine::start().await).await;
    let mut given = given(address).await;
    for (health_now, status, throttled) in
        [(Health::Throttling, 429, json!(true)), (Health::Denying, 400, json!(null))]
    {
        health.send_replace(health_now);
        let (segment, part) = given.segments_of_a_delete().await;
        assert_eq!(segment["fault"], true, "{segment}");
        assert_eq!((&part["error"], &part["throttle"]), (&json!(true), &throttled), "{part}");
        assert_eq!(part["http"]["response"]["status"], status, "{part}");
        assert_eq!(part["metadata"]["db.response.status_code"], "400", "{part}");
    }
}

/// The lines that a function writes for one event to stdout and stderr, until it asks for the next event.
async fn said(function: &mut Command, mut api: RuntimeApi, event: &Value) -> (Vec<Value>, String) {
    let mut child = function.stderr(Stdio::piped()).spawn().unwrap();
    api.invoke(&event.to_string()).await;
    for _ in 0..2 {
        api.polled().await;
    }
    let (mut lines, mut complaints) = (String::new(), String::new());
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    child.kill().await.unwrap();
    BufReader::new(stdout).read_to_string(&mut lines).await.unwrap();
    BufReader::new(stderr).read_to_string(&mut complaints).await.unwrap();
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), complaints)
}

#[tokio::test]
async fn each_release_shows_its_version() {
    let dynamodb = engine::start().await;
    for release in ["4f2c1e7", "4f2c1e8"] {
        let api = RuntimeApi::start().await;
        let mut function = function(api.address, dynamodb);
        function.env("OTEL_RESOURCE_ATTRIBUTES", format!("service.version={release}"));
        let (lines, _) = said(&mut function, api, &Form::LoadBalancer.sample()).await;
        assert!(lines.iter().any(|line| line["message"] == "request"), "{lines:#?}");
        assert!(lines.iter().any(|line| line["_aws"].is_object()), "{lines:#?}");
        assert!(lines.iter().all(|line| line["service.version"] == release), "{lines:#?}");
    }
}

fn access(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["message"] == "request").unwrap()
}

#[tokio::test]
async fn the_access_line_names_lambdas_trace_if_the_request_has_another() {
    let dynamodb = engine::start().await;
    let own = "1-5759e988-bd862e3fe1be46a994272793";
    let request = "1-5c536348-3d683b8b04734faae651f476";
    for (root, beside) in [(request, json!(own)), (own, Value::Null)] {
        let api = RuntimeApi::start().await;
        let mut event = Form::LoadBalancer.sample();
        set_header(&mut event, "x-amzn-trace-id", &format!("Root={root}"));
        let (lines, _) = said(&mut function(api.address, dynamodb), api, &event).await;
        let line = access(&lines);
        assert_eq!(
            (&line["xray_trace_id"], &line["lambda_xray_trace_id"]),
            (&json!(root), &beside)
        );
    }
}

#[tokio::test]
async fn a_504_is_counted_once_and_as_a_late_response() {
    // A DynamoDB that accepts connections and never answers.
    let silence = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = RuntimeApi::start().await;
    let mut function = function(api.address, silence.local_addr().unwrap());
    // DynamoDB's time-out passes long before the invocation's deadline, as it does by default.
    function.env("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "0.3");
    function.env("PICUS_LATENCY_OBJECTIVE_SECONDS", "0.1");
    let (lines, _) = said(&mut function, api, &Form::LoadBalancer.sample()).await;
    assert_eq!(access(&lines)["http.response.status_code"], 504);
    for (name, expected) in [
        ("picus_requests_timed_out_total", 1),
        ("picus_requests_failed_total", 1),
        ("picus_requests_measured_total", 1),
        ("picus_requests_within_objective_total", 0),
    ] {
        let counted = lines.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
        assert_eq!(counted, expected, "{name}: {lines:#?}");
    }
}

#[tokio::test]
async fn a_line_has_the_bodys_size_but_neither_the_body_nor_credentials() {
    const SECRET: &str = "sesame-7c1d";
    const ENCODED: &str = "c2VzYW1lLTdjMWQ";
    let api = RuntimeApi::start().await;
    let mut event = Form::LoadBalancer.sample();
    set_header(&mut event, "authorization", &format!("Bearer {SECRET}"));
    set_header(&mut event, "cookie", &format!("session={SECRET}"));
    event["body"] = json!(ENCODED);
    event["isBase64Encoded"] = json!(true);
    let mut function = function(api.address, engine::start().await);
    let credentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    function.env("AWS_LAMBDA_LOG_LEVEL", "TRACE").envs(credentials.map(|name| (name, SECRET)));
    let (lines, complaints) = said(&mut function, api, &event).await;
    let access = access(&lines);
    assert_eq!(access["http.request.body.size"], SECRET.len());
    let text = json!(lines).to_string();
    assert!(text.contains("\"DEBUG\""), "{text}");
    assert!(!text.contains(SECRET) && !text.contains(ENCODED), "{text}");
    assert_eq!(complaints, "");
}

#[tokio::test]
async fn metrics_are_documents_among_the_log_lines() {
    let mut given = given(engine::start().await).await;
    let mut lines = BufReader::new(given.child.stdout.take().unwrap()).lines();
    let (segment, _) = given.segments_of_a_delete().await;
    let mut metrics = Vec::new();
    loop {
        let line = time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let Some(told) = line["_aws"]["CloudWatchMetrics"].get(0) else {
            // The access line names the trace and the span that the daemon got.
            assert_eq!(
                (&line["xray_trace_id"], &line["span_id"]),
                (&segment["trace_id"], &segment["id"])
            );
            continue;
        };
        assert_eq!(told["Namespace"], "Picus");
        for metric in told["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            metrics.push((name.to_owned(), told["Dimensions"][0].clone()));
            let value = line[name].get(0).unwrap_or(&line[name]);
            assert!(value.as_f64().unwrap() > 0.0, "{name} in {line}");
        }
        for dimension in told["Dimensions"][0].as_array().unwrap() {
            // CloudWatch rejects a dimension without a value.
            assert_ne!(line[dimension.as_str().unwrap()].as_str().unwrap(), "");
        }
        if metrics.iter().any(|(name, _)| name == "picus_requests_within_objective_total") {
            break;
        }
    }
    metrics.sort_by_key(|(name, _)| name.clone());
    let of = |labels: &[&str]| json!([&["service_name"], labels].concat());
    let of_call = of(&["db_operation_name"]);
    let of_request =
        of(&["http_request_method", "url_scheme", "http_route", "http_response_status_code"]);
    let expected = [
        ("db_client_operation_duration_seconds", of(&["db_system_name", "db_operation_name"])),
        ("faas_coldstarts_total", of(&["faas_trigger"])),
        ("http_server_request_duration_seconds", of_request),
        ("otel_sdk_exporter_span_exported_total", of(&[])),
        ("otel_sdk_processor_span_processed_total", of(&[])),
        ("picus_dynamodb_attempts_total", of_call.clone()),
        ("picus_dynamodb_consumed_capacity_units", of_call),
        ("picus_requests_measured_total", of(&["http_route"])),
        ("picus_requests_within_objective_total", of(&["http_route"])),
    ];
    assert_eq!(metrics, expected.map(|(name, labels)| (name.to_owned(), labels)));
}
