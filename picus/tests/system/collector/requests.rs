//! Requests whose traces are looked for afterwards.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method, RequestBuilder};
use tokio::time::sleep;
use uuid::Uuid;

use crate::given::Client;

/// The span that others' traces come from.
pub(super) const PARENT: &str = "53995c3f42cd8ad8";

pub(super) fn get(client: &Client, key: &str) -> RequestBuilder {
    client.request(Method::GET, &format!("/picus/get/{key}"))
}

/// A put whose body takes two and a half seconds to come: half a second later the service gives up on it.
pub(super) fn slow_put(client: &Client) -> RequestBuilder {
    let beginning = stream::once(async { Ok::<_, std::io::Error>("{\"slow\":") });
    let end = stream::once(async {
        sleep(Duration::from_millis(2500)).await;
        Ok("true}")
    });
    client
        .request(Method::POST, "/picus/put")
        .header("Content-Type", "application/json")
        .body(Body::wrap_stream(beginning.chain(end)))
}

/// The request as a part of someone else's trace.
pub(super) fn called(request: RequestBuilder, sampled: &str) -> RequestBuilder {
    let random = Uuid::new_v4().simple().to_string();
    let root = format!("1-{}-{}", &random[..8], &random[8..]);
    request.header("X-Amzn-Trace-Id", format!("Root={root};Parent={PARENT};{sampled}"))
}

/// Makes the request, and tells its trace's id.
pub(super) async fn trace_of(request: RequestBuilder, status: u16) -> String {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    let header = response.headers()["x-amzn-trace-id"].to_str().unwrap();
    header.strip_prefix("Root=").unwrap().to_owned()
}
