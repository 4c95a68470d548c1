//! Clients of the local system, whose requests the console makes. What they saw is measured, too.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use picus_cloudwatch::data::History;
use picus_cloudwatch::metric::{Metric, Statistic};
use picus_cloudwatch::metric_sink::MetricSink;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{self, Instant};
use uuid::Uuid;

/// How many requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Level {
    #[default]
    None,
    Low,
    Normal,
    Flood,
    /// As many as normally, but their clients hardly wait.
    Impatient,
}

impl Level {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("low", Self::Low),
        ("normal", Self::Normal),
        ("flood", Self::Flood),
        ("impatient", Self::Impatient),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
    }

    fn requests_per_second(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Low => 0.5,
            Self::Normal | Self::Impatient => 10.0,
            Self::Flood => 400.0,
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::Impatient => Duration::from_millis(2),
            _ => Duration::from_secs(10),
        }
    }
}

/// At most so many requests wait for their responses at the same time.
const CLIENTS: usize = 256;
/// At most so many items are left in the table while there is traffic.
const ITEMS: usize = 100;
/// The namespace of what clients saw. Nothing on AWS reports it.
pub(crate) const NAMESPACE: &str = "Clients";

/// How many requests failed, or were given up, in the minute before this one.
pub(crate) fn lost(history: &History, minute: usize) -> f64 {
    let of =
        |name| history.statistic(&Metric::new(NAMESPACE, name, &[]), Statistic::Sum, minute, 1);
    of("Failed").unwrap_or(0.0) + of("GaveUp").unwrap_or(0.0)
}

/// The requests that are made one after another.
const CYCLE: [Call; 17] = {
    use Call::{Delete, Get, List, Put};
    [Put, Get, Get, Put, Get, List, Get, Delete, Put, Get, Get, Delete, Put, Get, List, Get, Delete]
};

#[derive(Debug, Clone, Copy)]
enum Call {
    Get,
    Put,
    List,
    Delete,
}

/// All clients. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    http: Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
    metrics: MetricSink,
    places: Arc<Semaphore>,
    items: Arc<Mutex<VecDeque<String>>>,
}

impl Clients {
    pub(crate) fn new(to: SocketAddr, metrics: MetricSink) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            to,
            metrics,
            places: Arc::new(Semaphore::new(CLIENTS)),
            items: Arc::default(),
        }
    }

    /// Sends any request.
    pub(crate) fn http(&self) -> &Client<HttpConnector, Full<Bytes>> {
        &self.http
    }

    /// Makes requests until this is dropped. `level` says how many, and is asked often.
    pub(crate) async fn send(self, level: impl Fn() -> Level) {
        const STEP: Duration = Duration::from_millis(50);
        let (mut owed, mut number) = (0.0, 0);
        loop {
            time::sleep(STEP).await;
            let level = level();
            owed += level.requests_per_second() * STEP.as_secs_f64();
            while owed >= 1.0 {
                owed -= 1.0;
                // If all clients wait, the others stay away.
                if let Ok(place) = self.places.clone().try_acquire_owned() {
                    let (clients, call) = (self.clone(), CYCLE[number % CYCLE.len()]);
                    number += 1;
                    tokio::spawn(async move {
                        clients.call(call, level.patience()).await;
                        drop(place);
                    });
                }
            }
            if level == Level::None && !self.items.lock().is_empty() {
                self.call(Call::Delete, Level::None.patience()).await;
            }
        }
    }

    async fn call(&self, call: Call, patience: Duration) {
        let full = self.items.lock().len() >= ITEMS;
        let call = if full && matches!(call, Call::Put) { Call::Delete } else { call };
        let known = match call {
            Call::Delete => self.items.lock().pop_front(),
            _ => self.items.lock().back().cloned(),
        };
        let id = known.unwrap_or_else(|| Uuid::new_v4().to_string());
        let (method, path, body) = match call {
            Call::Get => ("GET", format!("/picus/get/{id}"), ""),
            Call::Put => ("POST", "/picus/put".to_owned(), "{\"made_by\":\"the console\"}"),
            Call::List => ("GET", "/picus/list?limit=5".to_owned(), ""),
            Call::Delete => ("DELETE", format!("/picus/{id}"), ""),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.to))
            .header("Content-Type", "application/json")
            .body(Full::from(body));
        let Ok(request) = request else { return };
        let begun = Instant::now();
        let answer = time::timeout(patience, self.answer(request)).await;
        self.record("Duration", begun.elapsed().as_secs_f64());
        self.record("Requests", 1.0);
        match answer {
            Err(_) => self.record("GaveUp", 1.0),
            Ok(None) => self.record("Failed", 1.0),
            Ok(Some((status, _))) if status.is_server_error() => self.record("Failed", 1.0),
            Ok(Some((StatusCode::CREATED, body))) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                if let Some(id) = body["object_id"].as_str() {
                    self.items.lock().push_back(id.to_owned());
                }
            }
            Ok(Some(_)) => {}
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Option<(StatusCode, Bytes)> {
        let response = self.http.request(request).await.ok()?;
        let status = response.status();
        Some((status, response.into_body().collect().await.ok()?.to_bytes()))
    }

    fn record(&self, name: &str, value: f64) {
        self.metrics.record(Metric::new(NAMESPACE, name, &[]), value);
    }
}
