//! Sends requests, and returns the ids of their traces.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method, RequestBuilder};
use tokio::time::sleep;
use uuid::Uuid;

use crate::given::Client;

/// The caller's span in traces that the caller began.
pub(super) const PARENT: &str = "53995c3f42cd8ad8";

pub(super) fn get(client: &Client, key: &str) -> RequestBuilder {
    client.request(Method::GET, &format!("/picus/get/{key}"))
}

/// A put whose body takes 2.5 seconds to arrive. The service would give up half a second later.
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

/// Makes the request part of a trace that the caller began.
pub(super) fn called(request: RequestBuilder, sampled: &str) -> RequestBuilder {
    let random = Uuid::new_v4().simple().to_string();
    let root = format!("1-{}-{}", &random[..8], &random[8..]);
    request.header("X-Amzn-Trace-Id", format!("Root={root};Parent={PARENT};{sampled}"))
}

/// Sends the request, and returns the id of its trace.
pub(super) async fn trace_of(request: RequestBuilder, status: u16) -> String {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    let header = response.headers()["x-amzn-trace-id"].to_str().unwrap();
    header.strip_prefix("Root=").unwrap().to_owned()
}
