//! A client of the API that tells apart a failure from an unknown outcome.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time;

/// The longest wait for a response: longer than all deadlines of the service.
const PATIENCE: Duration = Duration::from_secs(30);

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
            Some(Answer { status: parts.status.as_u16(), body })
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

    /// All items.
    pub(crate) async fn list(&self) -> Option<Vec<Value>> {
        let answer = self.send("GET", "/picus/list", &[], "").await?;
        match answer.json()? {
            Value::Array(items) if answer.status == 200 => Some(items),
            _ => None,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
