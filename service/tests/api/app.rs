//! Starts a service for one test, and sends requests to it.

use std::io;
use std::net::SocketAddr;
use std::sync::{LazyLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use picus_items::Table;
use picus_service::{Application, Config};
use picus_settings::Reader;
use picus_telemetry::{Metrics, Prometheus, Telemetry, TraceSettings};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;

use picus_testing::engine::{self, sdk_config};

/// A process can start telemetry only once, so all tests share it.
static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(|| {
    let settings = picus_telemetry::Settings {
        service: config().service,
        log_filter: "info".parse().unwrap(),
        metrics: Metrics::Prometheus(None),
        traces: TraceSettings { exporter: None, ..config().traces },
    };
    picus_telemetry::init(&settings, io::sink()).unwrap()
});

/// A running service. It stops when this is dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: SocketAddr,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<io::Result<()>>>,
}

/// The configuration of a test's service.
pub(crate) fn config() -> Config {
    let mut config = Config::read(&mut Reader::new(|_| None));
    config.address = "127.0.0.1:0".parse().unwrap();
    config.metrics_address = "127.0.0.1:0".parse().unwrap();
    config.workers = 1;
    config.shutdown_delay = Duration::ZERO;
    config.shutdown_grace = Duration::from_secs(20);
    config
}

/// A service with an empty table.
pub(crate) async fn spawn_app() -> App {
    spawn_with(config(), engine::start().await)
}

/// A service that works on the DynamoDB at `dynamodb`.
pub(crate) fn spawn_with(config: Config, dynamodb: SocketAddr) -> App {
    let prometheus: Prometheus = TELEMETRY.prometheus().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = mpsc::channel();
    let server = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (settings, delay) = (config.table.clone(), config.shutdown_delay);
            let table = move || {
                let settings = settings.clone();
                async move { Table::new(&sdk_config(dynamodb).await, &settings) }
            };
            let application = Application::build(&config, table, prometheus).unwrap();
            tell.send((application.address(), application.metrics_address())).unwrap();
            application
                .run_until(async move {
                    let _ = stopped.await;
                    delay
                })
                .await
        })
    });
    let (address, metrics_address) = told.recv().unwrap();
    // Each request opens a new connection, as if it came from a new client.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    App { address, metrics_address, client, stop: Some(stop), server: Some(server) }
}

impl App {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get_path(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn put_text(&self, body: impl Into<reqwest::Body>) -> Response {
        let request = self.request(Method::POST, "/picus/put");
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// Puts an item, which must succeed, and returns its id.
    pub(crate) async fn put(&self, item: &Value) -> String {
        let response = self.put_text(item.to_string()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json::<Value>().await.unwrap()["object_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, id: &str) -> Value {
        let response = self.get_path(&format!("/picus/get/{id}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    pub(crate) async fn scrape(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics_address);
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// Asks the service to stop, as SIGTERM would.
    pub(crate) fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the service has stopped.
    pub(crate) async fn stopped(&mut self) {
        let server = self.server.take().unwrap();
        tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap().unwrap();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Checks the format of an error response. Returns its status, code and message.
pub(crate) async fn failure(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (trace, request_id) = (header("x-amzn-trace-id"), header("x-request-id"));
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    let field =
        |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
    assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
    assert_eq!(trace, format!("Root={}", field("trace_id")));
    assert_eq!(request_id, field("request_id"));
    (status, field("code"), field("error"))
}
