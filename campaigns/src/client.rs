//! A client of the API that tells apart a failure from an unknown outcome.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::header::LINK;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::{self, Instant};

/// The longest wait for a response: longer than all deadlines of the service.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a page of a list is asked for again.
const PAGE_TIMEOUT: Duration = Duration::from_mins(2);
const FIRST_PAGE: &str = "/picus/list?limit=1000";

/// A client for the system at an address. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// The path of the next page.
    next: Option<String>,
}

impl Answer {
    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The id in the response to a put.
    pub(crate) fn object_id(&self) -> Option<String> {
        Some(self.json()?.get("object_id")?.as_str()?.to_owned())
    }
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self { address, http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends a request, and waits for the complete response. `None` if it did not come. Then nobody knows whether the
    /// request was performed.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).ok()?;
        let answer = async {
            let response = self.http.request(request).await.ok()?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let next = parts.headers.get(LINK).and_then(|link| next(link.to_str().ok()?));
            Some(Answer { status: parts.status.as_u16(), body, next })
        };
        time::timeout(PATIENCE, answer).await.ok()?
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Answer> {
        self.send("GET", &format!("/picus/get/{id}"), &[], "").await
    }

    pub(crate) async fn delete(&self, id: &str) -> Option<Answer> {
        self.send("DELETE", &format!("/picus/{id}"), &[], "").await
    }

    /// Puts an item, with an `Idempotency-Key` if given.
    pub(crate) async fn put(&self, item: &Value, key: Option<&str>) -> Option<Answer> {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.send("POST", "/picus/put", &headers, item.to_string()).await
    }

    /// All items, page by page. A page that fails is asked for again: on a busy machine, a task that has just started
    /// may not answer in time. Otherwise the last answer's text.
    pub(crate) async fn list(&self) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        let mut path = Some(FIRST_PAGE.to_owned());
        while let Some(of) = path {
            let page = self.page(&of).await?;
            let Some(Value::Array(more)) = page.json() else {
                return Err(format!("no array: {}", String::from_utf8_lossy(&page.body)));
            };
            items.extend(more);
            path = page.next;
        }
        Ok(items)
    }

    async fn page(&self, path: &str) -> Result<Answer, String> {
        let until = Instant::now() + PAGE_TIMEOUT;
        loop {
            let answer = self.send("GET", path, &[], "").await;
            let why = match answer {
                Some(answer) if answer.status == 200 => return Ok(answer),
                Some(Answer { status, body, .. }) => {
                    format!("{status}: {}", String::from_utf8_lossy(&body))
                }
                None => "no answer".to_owned(),
            };
            if Instant::now() > until {
                return Err(format!("{path}: {why}"));
            }
            time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The path in `<…>; rel="next"`.
fn next(link: &str) -> Option<String> {
    let (path, relation) = link.strip_prefix('<')?.split_once('>')?;
    relation.contains("next").then(|| path.to_owned())
}
