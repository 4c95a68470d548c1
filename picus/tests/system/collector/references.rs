//! One run of the system publishes every metric of ours that an alarm or a dashboard refers to. The service's
//! metrics go through a real collector, the delete handler's are in its log lines. All other metrics are AWS's.

use std::collections::BTreeSet;
use std::fs;

use futures_util::future::join_all;
use picus_cloudwatch::dashboard::{self, Search};
use picus_cloudwatch::emf;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_cloudwatch::template;
use picus_drills::{self as drill, TEMPLATE};
use picus_local::deployment::{self, Deployment};
use picus_local::dynamodb::DynamoDbFault;
use reqwest::Method;
use serde_json::json;

use super::sidecar::Observed;
use super::{eventually, repository};
use crate::given::options;
use crate::task_metadata::TASK_ID;

const DASHBOARDS: [&str; 4] = ["overview", "service", "delete-handler", "data"];

/// Metrics that this run does not produce: the handler drops no log lines here, and Lambda itself reports its
/// version.
const NOT_MADE: [(&str, &str); 2] = [
    ("picus_log_lines_dropped_total", "picus-delete-handler"),
    ("picus_build_info", "picus-delete-handler"),
];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn every_referenced_metric_is_published_in_one_run() {
    let mut options = options();
    // A queue for one span, so that spans are dropped.
    options.environment.insert("OTEL_BSP_MAX_QUEUE_SIZE".into(), "1".into());
    let metrics = MetricSink::on();
    options.metrics = metrics.clone();
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[]).await;
    let client = observed.client.clone();
    for fault in [None, Some(DynamoDbFault::Throttles(1)), Some(DynamoDbFault::Unreachable)] {
        observed.system.dynamodb_fault(fault);
        let put = client.request(Method::POST, "/picus/put").json(&json!({ "n": 1 }));
        put.send().await.unwrap();
        for path in ["/picus/get/none", "/picus/list?limit=1"] {
            client.get_path(path).await;
        }
        for path in ["/picus/none", "/picus/no/such/path"] {
            client.request(Method::DELETE, path).send().await.unwrap();
        }
    }
    observed.system.dynamodb_fault(None);
    // Simultaneous reads are gathered.
    join_all((0..64).map(|_| client.get_path("/picus/get/none"))).await;

    let run = Run { observed, metrics, seen: BTreeSet::new() };
    let mut run = run.has_written_all(references_to("picus-service")).await;
    // Without the collector, the spans that fail to be exported are counted.
    run.observed.stop_collector().await;
    let run = run.has_written_all(references_to("picus-delete-handler")).await;
    run.observed.stop().await;
}

/// A system, and all metrics that it has published so far.
struct Run {
    observed: Observed,
    metrics: MetricSink,
    seen: BTreeSet<Metric>,
}

impl Run {
    async fn has_written_all(mut self, references: Vec<(String, Search)>) -> Self {
        eventually(async || {
            self.observed.client.request(Method::DELETE, "/picus/none").send().await.unwrap();
            self.seen.extend(self.metrics.minute().0.into_keys());
            for document in self.observed.aws.emf_documents(TASK_ID).await {
                self.seen.extend(emf::metrics(&document).into_iter().map(|(metric, _)| metric));
            }
            let is_missing = |(_, search): &&(String, Search)| {
                !self.seen.iter().any(|metric| search.finds(metric))
            };
            let missing: Vec<_> = references.iter().filter(is_missing).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:#?}")) }
        })
        .await;
        self
    }
}

/// The metrics of a program that alarms and dashboards refer to, each with the alarm or panel. A search without
/// a program applies to both programs.
fn references_to(program: &str) -> Vec<(String, Search)> {
    let mut all = references();
    all.retain_mut(|(_, search)| {
        let by = search.values.entry("service_name".to_owned()).or_insert_with(|| program.into());
        let is_made = !NOT_MADE.contains(&(search.name.as_str(), by.as_str()));
        by == program && search.namespace == "Picus" && is_made
    });
    assert!(all.len() > 15, "{}", all.len());
    all
}

fn references() -> Vec<(String, Search)> {
    let mut all = Vec::new();
    for alarm in drill::alarms(TEMPLATE).unwrap() {
        all.extend(alarm.metrics().map(|metric| (alarm.name.clone(), Search::of(metric))));
    }
    let mut values = drill::parameters().unwrap();
    let deployed = Deployment::read(deployment::TEMPLATE).unwrap();
    for (name, value) in [
        ("ClusterName", deployed.service.cluster),
        ("ServiceName", deployed.service.name),
        ("FunctionName", deployed.function.name),
        ("TableName", deployed.table.name),
    ] {
        values.insert(name.to_owned(), json!(value));
    }
    for name in ["DeployedAt", "AWS::Region", "AWS::AccountId", "AWS::Partition"] {
        values.insert(name.to_owned(), json!("here"));
    }
    for name in DASHBOARDS {
        let file = repository().join(format!("dashboards/{name}.json"));
        let text = template::substitute(&fs::read_to_string(file).unwrap(), &values).unwrap();
        for panel in dashboard::panels(&serde_json::from_str(&text).unwrap()).unwrap() {
            all.extend(panel.references().map(|search| (panel.title.clone(), search)));
        }
    }
    all
}
