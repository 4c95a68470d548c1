//! Runs the collector as in the task: it reads its configuration from the environment, and ECS's metadata. Only
//! addresses differ.

use std::net::SocketAddr;
use std::process::Stdio;
use std::{env, fs};

use picus_local::{Options, System, memory};
use tokio::process::{Child, Command};

use super::aws::Aws;
use super::{eventually, free_address, repository};
use crate::given::{Client, started};
use crate::task_metadata;

pub(super) const OVERLAY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/collector/overlay.yaml");

/// A system with one task and one collector.
pub(super) struct Observed {
    pub(super) system: System,
    pub(super) client: Client,
    pub(super) aws: Aws,
    otlp: SocketAddr,
    collector: Option<Child>,
}

impl Observed {
    /// Starts the system without its collector.
    pub(super) async fn start(mut options: Options) -> Self {
        let aws = Aws::start().await;
        let otlp = free_address();
        options.otlp_endpoint = Some(format!("http://{otlp}"));
        // As often as the collector scrapes (`overlay.yaml`).
        options.environment.insert("OTEL_METRIC_EXPORT_INTERVAL".into(), "1000".into());
        let (system, client) = started(options).await;
        Self { system, client, aws, otlp, collector: None }
    }

    /// The address of the task's metrics.
    pub(super) async fn metrics_address(&self) -> SocketAddr {
        self.system.tasks()[0].running().await.unwrap().metrics_address
    }

    /// Starts the collector with these environment variables, and waits until it is healthy.
    pub(super) async fn start_collector(&mut self, settings: &[(&str, &str)]) {
        let health = free_address();
        let metadata = task_metadata::serve("otel-collector").await;
        let collector = Command::new(repository().join("target/collector/picus-collector"))
            .arg("--config=env:AOT_CONFIG_CONTENT")
            .arg(format!("--config=file:{OVERLAY}"))
            .env_clear()
            .env(
                "AOT_CONFIG_CONTENT",
                fs::read_to_string(repository().join("otel-collector.yaml")).unwrap(),
            )
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("ECS_CONTAINER_METADATA_URI_V4", format!("http://{metadata}"))
            .env("PICUS_METRICS_ADDRESS", self.metrics_address().await.to_string())
            .env("OTLP_ADDRESS", self.otlp.to_string())
            .env("HEALTH_ADDRESS", health.to_string())
            .env("AWS_URL", self.aws.url())
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            // Set COLLECTOR_LOG to see the collector's log.
            .stderr(if env::var_os("COLLECTOR_LOG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .kill_on_drop(true)
            .spawn()
            .expect("ci/collector builds the collector");
        self.collector = Some(collector);
        eventually(async || match reqwest::get(format!("http://{health}")).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            answer => Err(format!("the collector is not healthy: {answer:?}")),
        })
        .await;
    }

    /// The collector's resident memory.
    pub(super) fn collector_memory_mib(&self) -> u64 {
        let id = self.collector.as_ref().and_then(Child::id).unwrap();
        memory::resident_bytes(id).unwrap() / 1024 / 1024
    }

    pub(super) async fn stop_collector(&mut self) {
        if let Some(mut collector) = self.collector.take() {
            collector.kill().await.unwrap();
        }
    }

    pub(super) async fn stop(self) {
        self.system.stop().await;
    }
}
