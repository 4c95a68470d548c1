//! X-Ray and CloudWatch Logs, emulated by moto.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{PATIENCE, eventually, free_address, repository};

const LOG_GROUP: &str = "/ecs/picus-service/emf";

pub(super) struct Aws {
    url: String,
    http: reqwest::Client,
    /// moto's record of all requests, one a line.
    recording: TempDir,
    _process: Child,
}

impl Aws {
    /// Starts moto, and creates the log group that the deployment would create.
    pub(super) async fn start() -> Self {
        let address = free_address();
        let recording = tempfile::tempdir().unwrap();
        let process = Command::new(repository().join("target/python/bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .env("MOTO_ENABLE_RECORDING", "true")
            .env("MOTO_RECORDER_FILEPATH", recording.path().join("requests"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("ci/python installs moto");
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let url = format!("http://{address}");
        eventually(async || match http.get(format!("{url}/moto-api/data.json")).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("moto does not serve: {error}")),
        })
        .await;
        let aws = Self { url, http, recording, _process: process };
        aws.logs("CreateLogGroup", json!({ "logGroupName": LOG_GROUP })).await;
        aws
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The segment documents of a trace, unchanged.
    pub(super) async fn segments(&self, trace_id: &str) -> Vec<Value> {
        let answer = self.traces(&[trace_id.to_owned()]).await;
        let segments = answer["Traces"][0]["Segments"].as_array().cloned().unwrap_or_default();
        segments.iter().map(|segment| parse(&segment["Document"])).collect()
    }

    /// How many of these traces X-Ray has received.
    pub(super) async fn known_of(&self, trace_ids: &[String]) -> usize {
        self.traces(trace_ids).await["Traces"].as_array().map_or(0, Vec::len)
    }

    async fn traces(&self, trace_ids: &[String]) -> Value {
        let request = self.request("xray", "/Traces").json(&json!({ "TraceIds": trace_ids }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The EMF documents that were logged to this stream so far.
    pub(super) async fn emf_documents(&self, stream: &str) -> Vec<String> {
        let mut documents = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut query = json!({
                "logGroupName": LOG_GROUP, "logStreamName": stream, "startFromHead": true,
            });
            if !token.is_null() {
                query["nextToken"] = token.clone();
            }
            let page = self.logs("GetLogEvents", query).await;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            documents
                .extend(events.iter().map(|event| event["message"].as_str().unwrap().to_owned()));
            if events.is_empty() || page["nextForwardToken"] == token {
                return documents;
            }
            token = page["nextForwardToken"].clone();
        }
    }

    /// The actions that the collector called.
    pub(super) fn actions_of_the_collector(&self) -> BTreeSet<String> {
        let requests = fs::read_to_string(self.recording.path().join("requests")).unwrap();
        let requests = requests.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        requests
            .filter(|request| {
                request["headers"]["User-Agent"]
                    .as_str()
                    .is_some_and(|agent| agent.contains("collector"))
            })
            .map(|request| match request["headers"]["X-Amz-Target"].as_str() {
                Some(target) => target.to_owned(),
                None => request["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            })
            .collect()
    }

    async fn logs(&self, action: &str, body: Value) -> Value {
        let target = format!("Logs_20140328.{action}");
        let request = self.request("logs", "/").header("X-Amz-Target", target).json(&body);
        request.send().await.unwrap().json().await.unwrap_or_default()
    }

    fn request(&self, service: &str, path: &str) -> reqwest::RequestBuilder {
        // moto reads the service and the region from this header. It checks no signature.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/{service}/aws4_request"
        );
        self.http.post(format!("{}{path}", self.url)).header("Authorization", authorization)
    }
}

fn parse(document: &Value) -> Value {
    serde_json::from_str(document.as_str().unwrap()).unwrap()
}
