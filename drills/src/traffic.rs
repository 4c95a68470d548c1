//! The clients' requests within a minute.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;
use uuid::Uuid;

/// How many requests of each kind come in a minute, at most `CLIENTS` of them at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// `GET /picus/get/{key}`
    pub gets: usize,
    /// `POST /picus/put`
    pub puts: usize,
    /// `GET /picus/list`
    pub lists: usize,
    /// `DELETE /picus/{key}`
    pub deletes: usize,
}

/// Normal traffic of a small system.
pub(crate) const NORMAL: Traffic = Traffic { gets: 8, puts: 4, lists: 2, deletes: 3 };
/// Almost none.
pub(crate) const LOW: Traffic = Traffic { gets: 1, puts: 0, lists: 0, deletes: 0 };
/// None at all.
pub(crate) const NONE: Traffic = Traffic { gets: 0, puts: 0, lists: 0, deletes: 0 };
/// So much that even a small share of it is several requests.
pub(crate) const BUSY: Traffic = Traffic { gets: 30, puts: 10, lists: 7, deletes: 3 };
/// So much that one failed list a minute is too small a share to page for the whole.
pub(crate) const FEW_LISTS: Traffic = Traffic { gets: 125, puts: 45, lists: 1, deletes: 4 };
/// The same with one delete a minute.
pub(crate) const FEW_DELETES: Traffic = Traffic { gets: 125, puts: 45, lists: 4, deletes: 1 };
/// So much that late deletes open a ticket for the whole, but no page.
pub(crate) const SOME_DELETES: Traffic = Traffic { gets: 20, puts: 8, lists: 2, deletes: 1 };
/// More than the service accepts at once.
pub(crate) const FLOOD: Traffic = Traffic { gets: 60, puts: 0, lists: 0, deletes: 3 };
/// More deletes than the function may run at once.
pub(crate) const FLOOD_OF_DELETES: Traffic = Traffic { gets: 8, puts: 4, lists: 2, deletes: 30 };

/// Enough for the floods. A busy machine would take long to answer all of more, and that is no fault.
const CLIENTS: usize = 64;

/// How long a client waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// All clients.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends a minute's requests, and waits for the responses, whatever they are.
    pub(crate) async fn send(&self, to: SocketAddr, traffic: Traffic) {
        let mut requests = JoinSet::new();
        let clients = Arc::new(Semaphore::new(CLIENTS));
        let Traffic { gets, puts, lists, deletes } = traffic;
        let mut add = |count: usize, method: &'static str, path: &'static str| {
            for _ in 0..count {
                let (client, id) = (self.clone(), Uuid::new_v4());
                let url = format!("http://{to}{}", path.replace("ID", &id.to_string()));
                let clients = clients.clone();
                requests.spawn(async move {
                    let _client = clients.acquire().await;
                    client.ask(method, &url).await
                });
            }
        };
        add(gets, "GET", "/picus/get/ID");
        add(puts, "POST", "/picus/put");
        add(lists, "GET", "/picus/list?limit=5");
        add(deletes, "DELETE", "/picus/ID");
        requests.join_all().await;
    }

    /// A page in the form that `accept` names.
    pub(crate) async fn get_text(&self, url: &str, accept: &str) -> Option<String> {
        let request = Request::get(url).header("Accept", accept).body(Full::from("")).ok()?;
        let body = self.answer(request).await?;
        String::from_utf8(body.into()).ok()
    }

    /// The response's body, if it comes in time.
    async fn ask(&self, method: &str, url: &str) -> Option<Bytes> {
        let body = if method == "POST" { "{\"drill\": true}" } else { "" };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", "application/json")
            .body(Full::from(body))
            .ok()?;
        self.answer(request).await
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Option<Bytes> {
        let answer =
            async { self.http.request(request).await.ok()?.into_body().collect().await.ok() };
        Some(time::timeout(PATIENCE, answer).await.ok()??.to_bytes())
    }
}
