//! Requests that fail, and their error responses.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::app::{config, failure, spawn_app, spawn_with};

#[tokio::test]
async fn bad_bodies_are_400_and_the_error_says_where() {
    let app = spawn_app().await;
    let deep = "{\"a\":".repeat(100_000);
    for (body, code) in [
        ("", "invalid_json"),
        ("{\"a\":1", "invalid_json"),
        ("[]", "not_an_object"),
        ("{\"object_id\":\"x\"}", "reserved_attribute"),
        ("{\"\":1}", "invalid_attribute_name"),
        ("{\"a\":1e126}", "invalid_number"),
        ("{\"a\":123456789012345678901234567890123456789}", "invalid_number"),
        (deep.as_str(), "nesting_too_deep"),
    ] {
        let (status, found, _) = failure(app.put_text(body.to_owned()).await).await;
        assert_eq!((status, found.as_str()), (400, code), "{body:.40}");
    }
    let (_, code, _) = failure(app.put_text(b"{\"a\":\"\xff\"}".to_vec()).await).await;
    assert_eq!(code, "invalid_json");
    let (_, _, error) = failure(app.put_text("{\"a\":{\"b\":[1,2,3,1e999]}}").await).await;
    assert!(error.ends_with("(at /a/b/3)"), "{error}");
}

#[tokio::test]
async fn another_content_type_is_415() {
    let app = spawn_app().await;
    for bad in [
        None,
        Some("text/plain"),
        Some("application/jsonx"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = app.request(Method::POST, "/picus/put").body("{}");
        if let Some(bad) = bad {
            request = request.header("content-type", bad);
        }
        let (status, code, _) = failure(request.send().await.unwrap()).await;
        assert_eq!((status, code.as_str()), (415, "unsupported_media_type"), "{bad:?}");
    }
}

#[tokio::test]
async fn a_415_lists_the_accepted_media_types() {
    let app = spawn_app().await;
    for (name, value, hint, taken) in [
        ("content-type", "text/plain", "accept", "application/json"),
        ("content-type", "application/json;charset=utf-16", "accept", "application/json"),
        ("content-encoding", "gzip", "accept-encoding", "identity"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        let request = app.request(Method::POST, "/picus/put").headers(headers).body("{}");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()[hint], taken, "{value}");
        assert_eq!(failure(response).await.0, 415, "{value}");
    }
}

#[tokio::test]
async fn a_body_in_another_encoding_is_415() {
    let app = spawn_app().await;
    for (headers, expected) in [
        (&[("content-type", "application/json; charset=UTF-8")][..], 201),
        (&[("content-type", "Application/JSON;charset=\"utf-8\"")], 201),
        (&[("content-type", "application/json; v=1"), ("content-encoding", "Identity")], 201),
        (&[("content-type", "application/json ;charset=utf-8")], 201),
        (&[("content-type", "application/json;; v=\"a;\\\"b\" ; charset=\"utf-\\8\";")], 201),
        (&[("content-type", "application/json"), ("content-encoding", "")], 201),
        (&[("content-type", "application/json"), ("content-encoding", ", identity ,")], 201),
        (&[("content-type", "application/json;charset")], 415),
        (&[("content-type", "application/json;charset=utf-8;charset=utf-16")], 415),
        (&[("content-type", "application/json; charset=utf-16")], 415),
        (&[("content-type", "application/json; charset=made-up")], 415),
        (&[("content-type", "application/json"), ("content-type", "text/plain")], 415),
        (&[("content-type", "application/json"), ("content-encoding", "gzip")], 415),
        (&[("content-type", "application/json"), ("content-encoding", "identity, br")], 415),
    ] {
        let mut request = app.request(Method::POST, "/picus/put").body("{}");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), expected, "{headers:?}");
        if expected == 415 {
            assert_eq!(failure(response).await.1, "unsupported_media_type", "{headers:?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let app = spawn_app().await;
    for path in [
        "/",
        "/picus",
        "/picus/",
        "/picus/a/b",
        "/picus/picus/a",
        "/picus/get/a/b",
        "/picus/get/a/",
        "/picus/get//a",
        "/picus/get//",
        "/picus/get/picus/get/a",
        "/picus/g%65t/a",
        "/metrics",
        "/HEALTH",
        "/health/",
    ] {
        let (status, code, _) = failure(app.get_path(path).await).await;
        assert_eq!((status, code.as_str()), (404, "unknown_path"), "{path}");
    }
}

#[tokio::test]
async fn an_encoded_route_name_is_not_the_route() {
    let app = spawn_app().await;
    // `/picus/list` and `/picus/put` are also keys, which only the delete handler serves.
    for path in ["/picus/l%69st", "/picus/p%75t"] {
        for method in [Method::GET, Method::POST] {
            let response = app.request(method, path).json(&json!({})).send().await.unwrap();
            assert_eq!(response.headers()["allow"], "DELETE, OPTIONS", "{path}");
            assert_eq!(failure(response).await.0, 405, "{path}");
        }
    }
    for path in ["/%70icus/list", "/h%65alth", "/openapi%2Ejson", "/picus/%67et", "/picus%2Flist"] {
        let status = failure(app.get_path(path).await).await.0;
        let expected = if path == "/picus/%67et" { 405 } else { 404 };
        assert_eq!(status, expected, "{path}");
    }
}

#[tokio::test]
async fn a_known_path_with_another_method_is_405_with_allow() {
    let app = spawn_app().await;
    let odd = Method::from_bytes(b"PURGE").unwrap();
    for (method, path, allow) in [
        (Method::POST, "/picus/list", "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/picus/list", "GET, HEAD, OPTIONS"),
        (Method::GET, "/picus/put", "POST, OPTIONS"),
        (Method::PUT, "/picus/get/x", "GET, HEAD, OPTIONS"),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
        (odd, "/openapi.json", "GET, HEAD, OPTIONS"),
        (Method::GET, "/picus/x", "DELETE, OPTIONS"),
    ] {
        let response = app.request(method.clone(), path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], allow, "{method} {path}");
        let (status, code, _) = failure(response).await;
        assert_eq!((status, code.as_str()), (405, "method_not_allowed"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_delete_that_did_not_pass_the_load_balancer_is_421() {
    let app = spawn_app().await;
    let response = app.request(Method::DELETE, "/picus/x").send().await.unwrap();
    assert_eq!(failure(response).await.0, 421);
}

#[tokio::test]
async fn the_ids_of_the_caller_are_kept() {
    let app = spawn_app().await;
    let trace = "1-67891233-abcdef012345678912345678";
    let request = app.request(Method::GET, "/nowhere").header("x-request-id", "order-17");
    let response = request.header("x-amzn-trace-id", format!("Root={trace}")).send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "order-17");
    assert_eq!(response.headers()["x-amzn-trace-id"], format!("Root={trace}"));
    failure(response).await;
}

#[tokio::test]
async fn an_id_that_is_sent_twice_is_replaced() {
    let app = spawn_app().await;
    let trace = "Root=1-67891233-abcdef012345678912345678";
    for second in [&b"order-17"[..], b"\xff"] {
        let second = HeaderValue::from_bytes(second).unwrap();
        let request = app.request(Method::GET, "/nowhere").header("x-request-id", "order-17");
        let request = request.header("x-request-id", second.clone());
        let request = request.header("x-amzn-trace-id", trace).header("x-amzn-trace-id", second);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"].len(), 36, "a new one");
        assert_ne!(response.headers()["x-amzn-trace-id"], trace);
        failure(response).await;
    }
}

#[tokio::test]
async fn a_failing_dynamodb_is_500_without_internal_details() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut config = config();
    config.table.max_attempts = Some(std::num::NonZeroU32::MIN);
    let app = spawn_with(config, nobody);
    for (response, expected) in [
        (app.get_path("/picus/list").await, "Could not list items"),
        (app.get_path("/picus/list?limit=1").await, "Could not list items"),
        (app.get_path("/picus/get/x").await, "Could not get item"),
        (app.put_text("{}").await, "Could not save item"),
    ] {
        let (status, code, error) = failure(response).await;
        assert_eq!((status, code.as_str(), error.as_str()), (500, "internal", expected));
    }
    assert_eq!(app.get_path("/health").await.status(), 200, "whatever DynamoDB does");
}
