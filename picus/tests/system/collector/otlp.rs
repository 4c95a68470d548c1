//! Traces to X-Ray's OTLP endpoint: the requests are signed as AWS requires, and no span is missing.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use picus_cloudwatch::template;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::traces::{Collector, Span};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time;

use super::requests::{called, get, trace_of};
use super::sidecar::Observed;
use super::signature::{Scope, verify};
use super::{PATIENCE, repository};
use crate::given::options;
use crate::task_metadata::TASK_ID;

/// A request that the endpoint received.
struct Received {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An endpoint that accepts every request.
async fn endpoint() -> (SocketAddr, mpsc::UnboundedReceiver<Received>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let tell = tell.clone();
            let service = service_fn(move |request| take(request, tell.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(connection), service));
        }
    });
    (address, received)
}

async fn take(
    request: Request<Incoming>,
    tell: mpsc::UnboundedSender<Received>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    // The test may be over.
    let _ = tell.send(Received { path, headers: head.headers, body });
    let answer = Response::builder().header("Content-Type", "application/x-protobuf");
    Ok(answer.body(Empty::new()).expect("the header is valid"))
}

/// The spans of a request.
async fn spans_in(received: &Received) -> Vec<Span> {
    assert_eq!(received.headers["content-encoding"], "gzip");
    assert_eq!(received.headers["content-type"], "application/x-protobuf");
    let mut body = Vec::new();
    GzDecoder::new(&received.body[..]).read_to_end(&mut body).unwrap();
    let mut reader = Collector::start().await.unwrap();
    let url = format!("{}/v1/traces", reader.endpoint());
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    reader.spans.recv().await.unwrap()
}

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn spans_reach_the_otlp_endpoint_signed_and_whole() {
    let mut observed = Observed::start(options()).await;
    let (address, mut received) = endpoint().await;
    let url = format!("http://{address}");
    let settings = [
        ("PICUS_TRACES_EXPORTER", "otlp_http"),
        ("PICUS_XRAY_URL", url.as_str()),
        ("PICUS_TRACES_PERCENTAGE", "0"),
        // The credentials of a role include a session token.
        ("AWS_SESSION_TOKEN", "session"),
    ];
    observed.start_collector(&settings).await;
    let client = observed.client.clone();
    let put = client.request(Method::POST, "/picus/put").json(&json!({ "name": "picus" }));
    let wanted = trace_of(called(put, "Sampled=1"), 201).await;
    let unwanted = trace_of(get(&client, "unwanted"), 404).await;
    observed.system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    let throttled = trace_of(get(&client, "throttled"), 503).await;

    let mut seen: Vec<Span> = Vec::new();
    let of = |seen: &[Span], trace: &str| -> Vec<Span> {
        let id = trace.trim_start_matches("1-").replace('-', "");
        let mut spans: Vec<_> = seen.iter().filter(|span| span.trace_id == id).cloned().collect();
        spans.sort_by_key(|span| !span.is_server);
        spans
    };
    while of(&seen, &wanted).len() < 2 || of(&seen, &throttled).len() < 2 {
        let request = time::timeout(PATIENCE, received.recv()).await.expect("in time").unwrap();
        assert_eq!(request.path, "/v1/traces");
        let Received { path, headers, body } = &request;
        let scope = verify(path, headers, body, "local");
        let [access_key, region, service] = ["local", "eu-central-1", "xray"].map(str::to_owned);
        assert_eq!(headers["x-amz-security-token"], "session");
        assert_eq!(scope, Ok(Scope { access_key, region, service }));
        seen.extend(spans_in(&request).await);
    }
    assert!(of(&seen, &unwanted).is_empty(), "the unsampled request must not be exported");

    let spans = of(&seen, &wanted);
    let [server, call] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((server.name.as_str(), call.name.as_str()), ("POST /picus/put", "DynamoDB.PutItem"));
    assert_eq!(call.parent_span_id, server.span_id);
    assert_eq!(server.attributes["http.response.status_code"], 201);
    assert_eq!(call.attributes["aws.dynamodb.table_names"], json!(["picus_data"]));
    assert_eq!(call.attributes["cloud.region"], "eu-central-1");
    assert!(server.duration >= call.duration);
    assert_eq!(server.resource["service.name"], "picus-service");
    assert_eq!(server.resource["aws.ecs.task.id"], TASK_ID);

    let spans = of(&seen, &throttled);
    let [server, call] = &spans[..] else { panic!("{spans:#?}") };
    assert!(server.failed && call.failed);
    assert_eq!(call.attributes["db.response.status_code"], "400");
    assert_eq!(call.attributes["http.response.status_code"], 429, "X-Ray shows 429 as a throttle");
    let causes = server.events.iter().chain(&call.events).filter(|event| event.name == "exception");
    assert_eq!(causes.count(), 2);
    let annotations = server.attributes["aws.xray.annotations"].as_array().unwrap();
    assert!(annotations.contains(&json!("request_id")), "{annotations:?}");
    let memory = observed.collector_memory_mib();
    assert!(memory < 200, "the collector takes {memory} MiB");
    // Nothing is sent to X-Ray's other API.
    let actions = observed.aws.actions_of_the_collector();
    assert!(!actions.contains("TraceSegments"), "{actions:?}");
    observed.stop().await;
}

/// No test can call the real endpoint, so this one checks its address.
#[test]
fn the_default_endpoint_is_that_of_x_ray() {
    let text = std::fs::read_to_string(repository().join("otel-collector.yaml")).unwrap();
    let collector: Value = template::read(&text).unwrap();
    assert_eq!(
        collector["exporters"]["otlp_http"]["traces_endpoint"],
        "${env:PICUS_XRAY_URL:-https://xray.${env:AWS_REGION}.amazonaws.com}/v1/traces"
    );
    assert_eq!(collector["extensions"]["sigv4auth"]["service"], "xray");
}
