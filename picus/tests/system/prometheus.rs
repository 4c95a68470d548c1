//! From a metric to a trace: a real Prometheus scrapes the service and stores exemplars.
//!
//! `ci/prometheus` installs what these tests need, and runs them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use picus_local::dynamodb::DynamoDbFault;
use picus_local::traces::{Collector, Span};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::collector::{eventually, free_address};
use crate::given::{options, started};

/// A Prometheus that scrapes once a second. It is stopped when this is dropped.
struct Prometheus {
    url: String,
    _folder: TempDir,
    _process: Child,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let configuration = folder.path().join("prometheus.yml");
        let text = format!(
            "scrape_configs: [{{job_name: picus, scrape_interval: 1s, scrape_timeout: 1s, \
             static_configs: [{{targets: ['{target}']}}]}}]"
        );
        fs::write(&configuration, text).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=exemplar-storage")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("ci/prometheus installs it");
        Self { url: format!("http://{address}"), _folder: folder, _process: process }
    }

    async fn ask(&self, path: &str) -> Result<Value, String> {
        let answer = reqwest::get(format!("{}/api/v1/{path}", self.url)).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        Ok(answer["data"].clone())
    }

    /// The exemplars of a histogram, each with the labels of its bucket.
    async fn exemplars(&self, histogram: &str) -> Result<Vec<(Value, Value)>, String> {
        let path = format!("query_exemplars?query={histogram}_bucket&start=0&end=4000000000");
        let series = self.ask(&path).await?;
        let of_series = |series: &Value| {
            let labels = series["seriesLabels"].clone();
            let exemplars = series["exemplars"].as_array().cloned().unwrap_or_default();
            exemplars.into_iter().map(move |exemplar| (labels.clone(), exemplar))
        };
        Ok(series.as_array().into_iter().flatten().flat_map(of_series).collect())
    }
}

#[tokio::test]
#[ignore = "needs Prometheus: run ci/prometheus"]
async fn each_stored_exemplar_names_a_trace_that_was_exported() {
    let mut collector = Collector::start().await.unwrap();
    let mut options = options();
    options.otlp_endpoint = Some(collector.endpoint());
    // 70 % of the requests are not sampled and have no trace, so they must have no exemplar.
    let sampler =
        [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.3")];
    options.environment.extend(sampler.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (system, client) = started(options).await;
    let metrics = system.tasks()[0].running().await.unwrap().metrics_address;
    let prometheus = Prometheus::start(metrics);

    client.put_many(40).await;
    for delay in [0, 30, 150] {
        let slow = DynamoDbFault::Slow(1, Duration::from_millis(delay));
        system.dynamodb_fault(Some(slow));
        for _ in 0..20 {
            client.get_status("none").await;
        }
    }
    let enough = |found: &[(Value, Value)]| found.len() >= 4;
    let (requests, calls) = eventually(async || {
        let requests = prometheus.exemplars("http_server_request_duration_seconds").await?;
        let calls = prometheus.exemplars("db_client_operation_duration_seconds").await?;
        if enough(&requests) && enough(&calls) {
            Ok((requests, calls))
        } else {
            Err(format!("exemplars: {requests:#?} {calls:#?}"))
        }
    })
    .await;
    // Prometheus knows the unit only if the scrape was in the OpenMetrics format.
    let metadata = prometheus.ask("metadata?metric=http_server_request_duration_seconds").await;
    let metadata = metadata.unwrap();
    let told = &metadata["http_server_request_duration_seconds"][0];
    assert_eq!((&told["type"], &told["unit"]), (&"histogram".into(), &"seconds".into()));
    // The service delivers its last spans when it stops.
    system.stop().await;

    let mut spans = BTreeMap::<String, Vec<Span>>::new();
    while let Ok(batch) = collector.spans.try_recv() {
        for span in batch {
            spans.entry(span.trace_id.clone()).or_default().push(span);
        }
    }
    assert!(spans.len() < 80, "too many requests were sampled: {}", spans.len());
    for (bucket, exemplar) in &requests {
        let span = find(&spans, exemplar, |span| span.is_server);
        assert_eq!(bucket["http_route"], span.attributes["http.route"]);
        let status = span.attributes["http.response.status_code"].to_string();
        assert_eq!(bucket["http_response_status_code"], status);
        is_in_its_bucket(bucket, exemplar, span);
    }
    for (bucket, exemplar) in &calls {
        let operation = bucket["db_operation_name"].as_str().unwrap();
        let of_call = |span: &Span| {
            span.attributes.get("db.operation.name").is_some_and(|name| name == operation)
        };
        is_in_its_bucket(bucket, exemplar, find(&spans, exemplar, of_call));
    }
}

/// The span of an exemplar's trace for which `is_meant` is true.
fn find<'a>(
    spans: &'a BTreeMap<String, Vec<Span>>,
    exemplar: &Value,
    is_meant: impl Fn(&Span) -> bool,
) -> &'a Span {
    let trace_id = exemplar["labels"]["trace_id"].as_str().unwrap();
    let trace = spans.get(trace_id).unwrap_or_else(|| panic!("{trace_id} was not sent"));
    trace.iter().find(|span| is_meant(span)).unwrap_or_else(|| panic!("{trace:#?}"))
}

/// Checks that an exemplar's value is in its bucket, and equals its span's duration.
fn is_in_its_bucket(bucket: &Value, exemplar: &Value, span: &Span) {
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let (value, bound) = (number(&exemplar["value"]), number(&bucket["le"]));
    assert!(value <= bound, "{exemplar} in {bucket}");
    let off = (value - span.duration.as_secs_f64()).abs();
    assert!(off < 0.01 + 0.1 * value, "{exemplar} and {span:?}");
}
