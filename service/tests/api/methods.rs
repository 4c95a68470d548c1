//! HEAD and OPTIONS.

use reqwest::Method;
use serde_json::json;

use crate::app::{config, spawn_app, spawn_with};
use crate::program::exchange;

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let app = spawn_app().await;
    let id = app.put(&json!({"a": 1})).await;
    app.put(&json!({"a": 2})).await;
    for path in [
        "/health",
        "/openapi.json",
        "/picus/list",
        "/picus/list?limit=1",
        "/picus/list?limit=0",
        "/picus/get",
        "/picus/get/none",
        &format!("/picus/get/{id}"),
        "/nowhere",
        "/picus/put",
    ] {
        let plain = |mut headers: reqwest::header::HeaderMap| {
            for own in ["date", "x-request-id", "x-amzn-trace-id"] {
                assert!(headers.remove(own).is_some(), "{own} of {path}");
            }
            headers
        };
        let got = app.get_path(path).await;
        let head = app.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), got.status(), "{path}");
        let (mut head_headers, mut got_headers) =
            (plain(head.headers().clone()), plain(got.headers().clone()));
        // Without a body there is no transfer encoding.
        got_headers.remove("transfer-encoding");
        // An error's body contains the request id, whose length varies.
        if !got.status().is_success() {
            head_headers.remove("content-length").unwrap();
            got_headers.remove("content-length").unwrap();
        }
        assert_eq!(head_headers, got_headers, "{path}");
        assert_eq!(head.bytes().await.unwrap(), "", "{path}");
    }
    let headers = app.request(Method::HEAD, "/picus/list").send().await.unwrap();
    assert!(
        !headers.headers().contains_key("content-length"),
        "a list is streamed, so its length is unknown"
    );
}

#[tokio::test]
async fn a_connection_stays_open_after_head_and_options() {
    let app = spawn_app().await;
    app.put(&json!({})).await;
    let (address, ask) = (app.address, |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n")
    });
    let requests = [
        ask("HEAD", "/picus/list"),
        ask("HEAD", "/health"),
        ask("OPTIONS", "/picus/list"),
        "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
    ]
    .concat();
    let answers = tokio::task::spawn_blocking(move || exchange(address, &requests)).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 204 No Content").count(), 1, "{answers}");
    assert_eq!(answers.matches("\r\n\r\n{").count(), 1, "one body: {answers}");
}

#[tokio::test]
async fn options_lists_the_methods() {
    let app = spawn_app().await;
    for (path, allow) in [
        ("/picus/list", "GET, HEAD, OPTIONS"),
        ("/picus/put", "POST, OPTIONS"),
        ("/picus/get/x", "GET, HEAD, OPTIONS"),
        ("/picus/x", "DELETE, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ] {
        let response = app.request(Method::OPTIONS, path).send().await.unwrap();
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(response.headers()["allow"], allow, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        assert!(!response.headers().contains_key("content-type"), "there is no content: {path}");
    }
    assert_eq!(app.request(Method::OPTIONS, "/nowhere").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn head_has_the_errors_of_get() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut config = config();
    config.table.max_attempts = Some(std::num::NonZeroU32::MIN);
    let app = spawn_with(config, nobody);
    for path in ["/picus/list", "/picus/get/x"] {
        let response = app.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
    }
}
