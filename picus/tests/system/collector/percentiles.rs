//! The percentiles in CloudWatch equal those of the requests that were made, and of their calls to DynamoDB.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use picus_cloudwatch::data::{Datum, History, Minute};
use picus_cloudwatch::emf;
use picus_cloudwatch::metric::{Metric, Statistic};
use picus_local::dynamodb::DynamoDbFault;
use picus_local::output::Output;
use picus_local::traces::Collector;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use super::eventually;
use super::sidecar::Observed;
use crate::given::options;
use crate::task_metadata::TASK_ID;

/// Numbers of requests, and how many milliseconds each waits for DynamoDB. Each percentile is in another group.
const KINDS: [(usize, u64); 4] = [(1400, 20), (70, 100), (28, 300), (2, 700)];
const PERCENTILES: [f64; 3] = [50.0, 99.0, 99.9];
/// The allowed relative error.
const TOLERANCE: f64 = 0.05;

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn published_percentiles_match_the_requests() {
    let mut spans = Collector::start().await.unwrap();
    let (output, mut lines) = unbounded_channel();
    let mut options = options();
    options.output = Output::Sent(output);
    let traces = format!("{}/v1/traces", spans.endpoint());
    options.environment.insert("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT".into(), traces);
    // Each request makes its own call.
    options.environment.insert("PICUS_GATHERED_READS".into(), "false".into());
    let mut observed = Observed::start(options).await;
    // Requests before the collector starts are published later, but not lost.
    let (count, _) = KINDS[0];
    requests(&observed, count / 2, Duration::from_millis(20)).await;
    observed.start_collector(&[]).await;
    requests(&observed, count - count / 2, Duration::from_millis(20)).await;
    for (count, milliseconds) in &KINDS[1..] {
        requests(&observed, *count, Duration::from_millis(*milliseconds)).await;
    }

    let total: usize = KINDS.iter().map(|(count, _)| count).sum();
    let request =
        metric("http_server_request_duration_seconds", &[("http_route", "/picus/get/{key}")]);
    let call = metric(
        "db_client_operation_duration_seconds",
        &[("db_system_name", "aws.dynamodb"), ("db_operation_name", "GetItem")],
    );
    let told = eventually(async || {
        let (of_requests, of_calls) =
            (published(&observed, &request).await, published(&observed, &call).await);
        let is_whole = |datum: &Datum| datum.count() > as_f64(total) - 0.5;
        match (of_requests, of_calls) {
            (Some(one), Some(other)) if is_whole(&one) && is_whole(&other) => Ok([one, other]),
            others => Err(format!("of {total} arrived: {others:?}")),
        }
    })
    .await;
    observed.stop().await;

    let mut of_requests = Vec::new();
    while let Some((_, line)) = lines.recv().await {
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if line["message"] == "request" && line["http.route"] == "/picus/get/{key}" {
            of_requests.push(line["duration_ms"].as_f64().unwrap() / 1e3);
        }
    }
    let mut of_calls = Vec::new();
    while let Ok(batch) = spans.spans.try_recv() {
        let calls = batch.iter().filter(|span| span.attributes.contains_key("db.operation.name"));
        of_calls.extend(calls.map(|span| span.duration.as_secs_f64()));
    }
    for (what, mut made, datum) in
        [("requests", of_requests, &told[0]), ("calls", of_calls, &told[1])]
    {
        assert_eq!(made.len(), total, "{what}");
        assert!((datum.count() - as_f64(total)).abs() < 0.5, "{what}: {}", datum.count());
        made.sort_by(f64::total_cmp);
        for percent in PERCENTILES {
            let (made, told) = (nearest_rank(&made, percent), percentile(datum, percent));
            println!("{what}: p{percent} {told:.4} s, made {made:.4} s");
            let off = (told - made).abs() / made;
            assert!(off <= TOLERANCE, "{what}: p{percent} is {told}, and was {made}");
        }
    }
}

/// Makes `count` requests whose call takes `wait`, some of them concurrently.
async fn requests(observed: &Observed, count: usize, wait: Duration) {
    observed.system.dynamodb_fault(Some(DynamoDbFault::Slow(1, wait)));
    let gets = (0..count).map(|_| observed.client.get_status("none"));
    let answers: Vec<_> = stream::iter(gets).buffer_unordered(8).collect().await;
    assert!(answers.iter().all(|status| *status == 404));
}

fn metric(name: &str, by: &[(&str, &str)]) -> Metric {
    Metric::new("Picus", name, &[&[("service_name", "picus-service")], by].concat())
}

/// Everything that the collector published of a metric.
async fn published(observed: &Observed, metric: &Metric) -> Option<Datum> {
    let documents = observed.aws.emf_documents(TASK_ID).await;
    let data = documents.iter().flat_map(|document| emf::metrics(document));
    let of_metric = data.filter(|(found, _)| found == metric).map(|(_, datum)| datum);
    of_metric.reduce(|mut all, next| {
        all.add(&next);
        all
    })
}

/// The percentile that CloudWatch would compute.
fn percentile(datum: &Datum, percent: f64) -> f64 {
    let metric = Metric::new("Picus", "any", &[]);
    let mut history = History::default();
    history.push(&Minute([(metric.clone(), Arc::new(datum.clone()))].into()));
    history.statistic(&metric, Statistic::Percentile(percent), 1, 1).unwrap()
}

/// The smallest value that at least `percent` of the values do not exceed.
fn nearest_rank(sorted: &[f64], percent: f64) -> f64 {
    let is_reached = |at: &usize| as_f64(at + 1) / as_f64(sorted.len()) * 100.0 >= percent;
    sorted[(0..sorted.len()).find(is_reached).unwrap()]
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
