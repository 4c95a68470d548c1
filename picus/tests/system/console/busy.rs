//! A console that is told as much as ten thousand requests a second make, for measuring what its page does then.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind};
use picus_cloudwatch::metric::Metric;
use prost::Message as _;
use tokio::time::{self, MissedTickBehavior};
use uuid::Uuid;

use super::{Page, Tell};

const REQUESTS_A_SECOND: usize = 10_000;
const STEPS_A_SECOND: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for two minutes, for the measurements of ci/console --measure"]
async fn a_console_is_told_of_ten_thousand_requests_a_second() {
    let (page, tell) = Page::open_with_tell().await;
    println!("console {}", page.console.address());
    let mut steps = time::interval(Duration::from_secs(1) / u32::try_from(STEPS_A_SECOND).unwrap());
    steps.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for step in 0..120 * STEPS_A_SECOND {
        steps.tick().await;
        let count = REQUESTS_A_SECOND / STEPS_A_SECOND;
        let spans = (0..count).map(|number| request(&tell, step * count + number)).collect();
        deliver(&tell, spans).await;
        if step % (10 * STEPS_A_SECOND) == 0 {
            println!("told of {} requests", step * count);
        }
    }
    page.console.stop().await;
}

/// Tells what a request makes: metrics, a line, and a span.
fn request(tell: &Tell, number: usize) -> Span {
    let id = Uuid::new_v4();
    let seconds = 0.001 * (1.0 + f64::from(u32::try_from(number % 997).unwrap()) / 50.0);
    let balancer = [("LoadBalancer", "app/picus/1")];
    for (namespace, name, dimensions, value) in [
        ("AWS/ApplicationELB", "RequestCount", &balancer[..], 1.0),
        ("AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", &balancer[..], 1.0),
        ("AWS/ApplicationELB", "TargetResponseTime", &balancer[..], seconds),
        ("Clients", "Requests", &[], 1.0),
        ("Clients", "Duration", &[], seconds),
    ] {
        tell.metrics.record(Metric::new(namespace, name, dimensions), value);
    }
    let line = format!(
        "{{\"level\":\"INFO\",\"message\":\"request\",\"http.route\":\"/picus/get/{{key}}\",\
        \"http.response.status_code\":200,\"duration_ms\":{},\"trace_id\":\"{}\"}}",
        seconds * 1e3,
        id.simple()
    );
    tell.lines.send(("service", line)).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let start = u64::try_from(now.as_nanos()).unwrap();
    Span {
        trace_id: id.as_bytes().to_vec(),
        span_id: id.as_bytes()[..8].to_vec(),
        name: "GET /picus/get/{key}".to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000_000,
        ..Span::default()
    }
}

async fn deliver(tell: &Tell, spans: Vec<Span>) {
    let scope = ScopeSpans { spans, ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![resource] };
    let url = format!("{}/v1/traces", tell.collector);
    let sent = reqwest::Client::new().post(url).body(request.encode_to_vec()).send().await;
    assert!(sent.unwrap().status().is_success());
}
