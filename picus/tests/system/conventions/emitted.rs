//! Runs the system once, so that it emits every kind of span, log line and metric.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::output::Output;
use picus_local::traces::{Collector, Span};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time;

use crate::given::{Client, options, started};
use crate::task_metadata;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Emitted {
    /// Of both programs.
    pub(super) spans: Vec<Span>,
    /// Of both programs, each with its program's name.
    pub(super) lines: Vec<(&'static str, String)>,
    /// The service's metrics.
    pub(super) scrape: String,
}

pub(super) async fn emitted() -> Emitted {
    let mut collector = Collector::start().await.unwrap();
    let metadata = task_metadata::serve("service").await;
    let (sent, mut received) = unbounded_channel();
    let mut options = options();
    options.otlp_endpoint = Some(collector.endpoint());
    options.output = Output::Sent(sent);
    for (name, value) in [
        ("ECS_CONTAINER_METADATA_URI_V4", format!("http://{metadata}")),
        ("PICUS_DYNAMODB_MAX_ATTEMPTS", "2".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests".to_owned()),
    ] {
        options.environment.insert(name.to_owned(), value);
    }
    let (system, client) = started(options).await;
    let task = system.tasks()[0].running().await.unwrap();
    let mut traces = BTreeSet::new();
    let mut keep = |answer: Response| {
        let root = answer.headers()["x-amzn-trace-id"].to_str().unwrap();
        traces.insert(root.trim_start_matches("Root=1-").replace('-', ""));
    };
    let id = client.put(&json!({ "name": "picus" })).await;
    let each = [
        (Method::POST, "/picus/put".to_owned()),
        (Method::GET, format!("/picus/get/{id}")),
        (Method::GET, "/picus/list?limit=1".to_owned()),
        (Method::DELETE, format!("/picus/{id}")),
    ];
    let faults = [None, Some(DynamoDbFault::Throttles(1)), Some(DynamoDbFault::Unreachable)];
    for fault in faults {
        system.dynamodb_fault(fault);
        for (method, path) in &each {
            let body = json!({ "name": "picus" });
            let request = client.request(method.clone(), path).header("user-agent", "tests");
            let with_body = *method == Method::POST;
            let request = if with_body { request.json(&body) } else { request };
            keep(request.send().await.unwrap());
        }
    }
    // With a slow DynamoDB, simultaneous reads are gathered.
    system.dynamodb_fault(Some(DynamoDbFault::Slow(1, Duration::from_millis(10))));
    let path = format!("/picus/get/{id}");
    for answer in join_all((0..64).map(|_| client.get_path(&path))).await {
        keep(answer);
    }
    system.dynamodb_fault(None);
    let odd = Method::from_bytes(b"BREW").unwrap();
    // The load balancer does not forward an unknown method, so this request bypasses it.
    let service = Client::of(task.address);
    keep(service.request(odd, "/picus/put").send().await.unwrap());
    keep(client.get_path("/nowhere").await);
    keep(client.request(Method::DELETE, "/picus/no/such/path").send().await.unwrap());
    // Neither does it invoke the function with an unknown method, or with an event that is no request.
    let odd = json!({
        "requestContext": { "elb": { "targetGroupArn": "arn" } },
        "httpMethod": "BREW", "path": "/picus/some-key", "headers": { "host": "picus.example:80" },
    });
    for (event, trace) in
        [(odd, "67891233abcdef0123456789"), (json!({}), "67891234abcdef0123456789")]
    {
        let root = format!("Root=1-67891233-{trace}");
        system.function().invoke(event.to_string().into(), &root).await.unwrap();
        traces.insert(format!("67891233{trace}"));
    }

    let mut spans: Vec<Span> = Vec::new();
    let is_there = |spans: &[Span], trace: &String| {
        spans.iter().any(|span| span.is_server && span.trace_id == *trace)
    };
    let all = async {
        while !traces.iter().all(|trace| is_there(&spans, trace)) {
            spans.extend(collector.spans.recv().await.unwrap());
        }
    };
    time::timeout(PATIENCE, all).await.expect("each request's span");
    let metrics = Client::of(task.metrics_address).get_path("/metrics").await;
    let scrape = metrics.text().await.unwrap();
    system.stop().await;
    while let Ok(more) = collector.spans.try_recv() {
        spans.extend(more);
    }
    let mut lines = Vec::new();
    let rest = async {
        while let Some(line) = received.recv().await {
            lines.push(line);
        }
    };
    time::timeout(PATIENCE, rest).await.expect("an end of the lines");
    Emitted { spans, lines, scrape }
}
