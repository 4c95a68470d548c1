//! The clients' requests within a minute.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

use crate::clients::{End, Seen};

/// How many requests of each kind come in a minute.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// `GET /picus/get/{key}`
    pub gets: usize,
    /// `POST /picus/put`
    pub puts: usize,
    /// `GET /picus/list?limit=5`
    pub lists: usize,
    /// `GET /picus/list`, which sends all items.
    pub whole_lists: usize,
    /// `DELETE /picus/{key}`
    pub deletes: usize,
    /// How long each client waits for the last byte of its response.
    pub patience: Duration,
    /// How many clients there are: each sends one request at a time. More would queue on a busy machine, where no SLI
    /// sees them.
    pub clients: usize,
}

/// None at all.
pub(crate) const NONE: Traffic = Traffic {
    gets: 0,
    puts: 0,
    lists: 0,
    whole_lists: 0,
    deletes: 0,
    patience: Duration::from_secs(10),
    clients: 16,
};
/// Normal traffic of a small system.
pub(crate) const NORMAL: Traffic = Traffic { gets: 8, puts: 4, lists: 2, deletes: 3, ..NONE };
/// Almost none.
pub(crate) const LOW: Traffic = Traffic { gets: 1, ..NONE };
/// So much that even a small share of it is several requests.
pub(crate) const BUSY: Traffic = Traffic { gets: 30, puts: 10, lists: 7, deletes: 3, ..NONE };
/// So much that one failed list a minute is too small a share to page for the whole.
pub(crate) const FEW_LISTS: Traffic = Traffic { gets: 125, puts: 45, lists: 1, deletes: 4, ..NONE };
/// The same with one delete a minute.
pub(crate) const FEW_DELETES: Traffic =
    Traffic { gets: 125, puts: 45, lists: 4, deletes: 1, ..NONE };
/// So much that late deletes open a ticket for the whole, but no page.
pub(crate) const SOME_DELETES: Traffic =
    Traffic { gets: 20, puts: 8, lists: 2, deletes: 1, ..NONE };
/// More than the service accepts at once.
pub(crate) const FLOOD: Traffic = Traffic { gets: 60, deletes: 3, clients: 64, ..NONE };
/// More deletes than the function may run at once.
pub(crate) const FLOOD_OF_DELETES: Traffic =
    Traffic { gets: 8, puts: 4, lists: 2, deletes: 30, clients: 64, ..NONE };
/// Clients who do not wait for a slow response.
pub(crate) const IMPATIENT: Traffic = Traffic { patience: Duration::from_secs(3), ..NORMAL };
/// Lists of so many items that they come in several pages.
pub(crate) const WHOLE_LISTS: Traffic =
    Traffic { gets: 4, puts: 70, whole_lists: 4, deletes: 3, ..NONE };

/// All clients.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends a minute's requests, and waits for the responses. Returns what each client saw.
    pub(crate) async fn send(&self, to: SocketAddr, traffic: Traffic) -> Vec<Seen> {
        let mut requests = JoinSet::new();
        let Traffic { gets, puts, lists, whole_lists, deletes, patience, clients } = traffic;
        let clients = Arc::new(Semaphore::new(clients));
        let mut add = |count: usize, method: &'static str, path: &'static str| {
            for _ in 0..count {
                let (client, id) = (self.clone(), Uuid::new_v4());
                let url = format!("http://{to}{}", path.replace("ID", &id.to_string()));
                let clients = clients.clone();
                requests.spawn(async move {
                    let _client = clients.acquire().await;
                    client.ask(request(method, &url), patience).await.0
                });
            }
        };
        add(gets, "GET", "/picus/get/ID");
        add(puts, "POST", "/picus/put");
        add(lists, "GET", "/picus/list?limit=5");
        add(whole_lists, "GET", "/picus/list");
        add(deletes, "DELETE", "/picus/ID");
        requests.join_all().await
    }

    /// A page in the form that `accept` names.
    pub(crate) async fn get_text(&self, url: &str, accept: &str) -> Option<String> {
        let request = Request::get(url).header("Accept", accept).body(Full::from("")).ok();
        let (_, body) = self.ask(request, NONE.patience).await;
        String::from_utf8(body?.into()).ok()
    }

    /// What the client saw, and the response's body if it came in time.
    async fn ask(
        &self,
        request: Option<Request<Full<Bytes>>>,
        patience: Duration,
    ) -> (Seen, Option<Bytes>) {
        let started = Instant::now();
        let (mut status, mut first_byte) = (None, None);
        let answer = time::timeout(patience, async {
            let response = self.http.request(request?).await.ok()?;
            status = Some(response.status().as_u16());
            first_byte = Some(started.elapsed());
            Some(response.into_body().collect().await.ok()?.to_bytes())
        });
        let answer = answer.await;
        let took = started.elapsed();
        let end = match (&answer, status) {
            (Err(_), _) => End::GaveUp,
            (Ok(Some(_)), Some(status)) => End::Answered(status),
            (Ok(_), _) => End::BrokenOff,
        };
        (Seen { end, waited: first_byte.unwrap_or(took), took }, answer.ok().flatten())
    }
}

fn request(method: &str, url: &str) -> Option<Request<Full<Bytes>>> {
    let body = if method == "POST" { "{\"drill\": true}" } else { "" };
    let request =
        Request::builder().method(method).uri(url).header("Content-Type", "application/json");
    request.body(Full::from(body)).ok()
}
