//! The console of a running system.

mod busy;
mod controls;
mod practice;
mod terminal;
mod views;

use std::time::Duration;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_console::{Console, Told};
use picus_local::output::Output;
use picus_local::traces::Collector;
use picus_local::{Options, System};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time;

use crate::given::{Client, options};

/// A console, and a client that acts as its page.
struct Page {
    console: Console,
    client: Client,
    token: String,
}

/// Tells a console more than its system does.
struct Tell {
    metrics: MetricSink,
    lines: UnboundedSender<(&'static str, String)>,
    /// The URL of its collector.
    collector: String,
}

impl Page {
    async fn open() -> Self {
        Self::open_with_tell().await.0
    }

    async fn open_with_tell() -> (Self, Tell) {
        let metrics = MetricSink::on();
        let (sender, lines) = unbounded_channel();
        let collector = Collector::start().await.unwrap();
        let tell = Tell {
            metrics: metrics.clone(),
            lines: sender.clone(),
            collector: collector.endpoint(),
        };
        let (access_sender, access_log) = unbounded_channel();
        let options = Options {
            access_log: Some(access_sender),
            metrics: metrics.clone(),
            output: Output::Also(Box::new(Output::Quiet), sender),
            otlp_endpoint: Some(collector.endpoint()),
            ..options()
        };
        let system = System::start(options).await.unwrap();
        let listener = picus_console::listen(0).await.unwrap();
        let console = Console::start(
            listener,
            system,
            Told { metrics, lines, access_log, collector: Some(collector) },
        )
        .unwrap();
        let client = Client::of(console.address());
        let session: Value = client.get_path("/api/session").await.json().await.unwrap();
        let token = session["token"].as_str().unwrap().to_owned();
        let page = Self { console, client, token };
        page.post("/api/clock", &json!({ "seconds_per_minute": 1 })).await;
        (page, tell)
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get_path(path).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    async fn send(&self, path: &str, body: &Value) -> Response {
        let request = self.client.request(Method::POST, path);
        request.header("X-Picus-Token", &self.token).json(body).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.send(path, body).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Repeats the request until `is_so` is true for the answer.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let answer = self.get(path).await;
                if is_so(&answer) {
                    return answer;
                }
                time::sleep(Duration::from_millis(100)).await;
            }
        };
        time::timeout(Duration::from_mins(1), asked).await.expect(path)
    }
}
