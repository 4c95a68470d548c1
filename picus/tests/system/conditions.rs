//! Conditional requests, HEAD and OPTIONS through the load balancer.

use futures_util::future;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::given::{Client, options, started};

async fn etag(client: &Client, id: &str) -> String {
    let response = client.get_path(&format!("/picus/get/{id}")).await;
    response.headers()["etag"].to_str().unwrap().to_owned()
}

async fn delete_if(client: &Client, id: &str, name: &str, value: &str) -> (u16, String) {
    let request = client.request(Method::DELETE, &format!("/picus/{id}")).header(name, value);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_conditional_delete_happens_only_if_its_condition_holds() {
    let (system, client) = started(options()).await;
    let item = json!({"a": [1.50, {"b": null}], "c": "é", "n": 1e125});
    let id = client.put(&item).await;
    let tag = etag(&client, &id).await;
    let failed = (412, "precondition_failed".to_owned());
    let other = etag(&client, &client.put(&item).await).await;
    for not in [&other, "\"x\"", "", &format!("W/{tag}"), tag.trim_matches('"')] {
        assert_eq!(delete_if(&client, &id, "if-match", not).await, failed, "{not}");
        assert_eq!(client.get_status(&id).await, StatusCode::OK, "{not}: it stays");
    }
    for not in ["*", &tag, &format!("W/{tag}")] {
        assert_eq!(delete_if(&client, &id, "if-none-match", not).await, failed, "{not}");
    }
    assert_eq!(client.get_status(&id).await, StatusCode::OK);
    let list = format!("\"x\", {tag}");
    assert_eq!(delete_if(&client, &id, "if-match", &list).await.0, 200);
    // RFC 9110, 13.2.1: a condition is ignored if the response without it would not be a 2xx.
    assert_eq!(delete_if(&client, &id, "if-match", "*").await, (404, "item_not_found".to_owned()));
    let id = client.put(&item).await;
    assert_eq!(delete_if(&client, &id, "if-match", "*").await.0, 200);
    system.stop().await;
}

#[tokio::test]
async fn of_concurrent_conditional_deletes_exactly_one_is_200() {
    let (system, client) = started(options()).await;
    let id = client.put(&json!({"a": 1})).await;
    let tag = etag(&client, &id).await;
    let deletes = (0..8).map(|_| delete_if(&client, &id, "if-match", &tag));
    let statuses: Vec<_> = future::join_all(deletes).await;
    let count = |wanted| statuses.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((count(200), count(404)), (1, 7), "{statuses:?}");
    system.stop().await;
}

#[tokio::test]
async fn head_and_options_reach_every_resource() {
    let (system, client) = started(options()).await;
    let id = client.put(&json!({"a": 1})).await;
    let item = format!("/picus/get/{id}");
    for path in ["/health", "/openapi.json", "/picus/list", "/picus/list?limit=1", &item] {
        let got = client.get_path(path).await;
        let head = client.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.headers().get(name), got.headers().get(name), "{name} of {path}");
        }
        assert_eq!(head.bytes().await.unwrap(), "", "{path}");
        let methods = client.request(Method::OPTIONS, path).send().await.unwrap();
        assert_eq!(methods.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(methods.headers()["allow"], "GET, HEAD, OPTIONS", "{path}");
    }
    for (path, allow) in [("/picus/put", "POST, OPTIONS"), ("/picus/x", "DELETE, OPTIONS")] {
        let methods = client.request(Method::OPTIONS, path).send().await.unwrap();
        assert_eq!(methods.headers()["allow"], allow, "{path}");
    }
    system.stop().await;
}

#[tokio::test]
async fn a_request_may_have_as_many_headers_as_the_document_says() {
    let (system, _) = started(options()).await;
    for (headers, expected) in [(92, "HTTP/1.1 200 OK"), (93, "HTTP/1.1 431 ")] {
        // `Host` counts too. The load balancer removes `Connection`.
        let others: Vec<_> = (1..headers).map(|number| format!("x-{number}: 1\r\n")).collect();
        let others = others.concat();
        let request = format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{others}");
        let mut connection = TcpStream::connect(system.address()).await.unwrap();
        connection.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(expected), "{headers} headers: {answer}");
    }
    system.stop().await;
}

#[tokio::test]
async fn field_names_that_serde_json_reserves_change_nothing() {
    let (system, client) = started(options()).await;
    for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        let mut item = json!({ name: "x", "a": { name: {} } });
        let id = client.put(&item).await;
        item["object_id"] = json!(id);
        let found =
            client.get_path(&format!("/picus/get/{id}?{name}=x")).await.text().await.unwrap();
        assert_eq!(found, item.to_string());
        let list = client.get_path(&format!("/picus/list?{name}=x")).await;
        assert_eq!(list.text().await.unwrap(), format!("[{item}]"));
        let request = client.request(Method::DELETE, &format!("/picus/{id}?{name}=x"));
        let body = json!({ name: "x" });
        assert_eq!(request.json(&body).send().await.unwrap().status(), StatusCode::OK, "{name}");
    }
    system.stop().await;
}
