//! Changes that the page makes, and who may make them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time;

use super::Page;

#[tokio::test]
async fn the_page_controls_the_clock_the_traffic_and_the_faults() {
    let page = Page::open().await;
    let state = page.until("/api/state", |state| state["minute"].as_u64() > Some(1)).await;
    assert_eq!(state["clock"], json!({ "running": true, "seconds_per_minute": 1 }));
    assert_eq!(state["traffic"]["level"], "none");
    let release = state["faults"].as_array().unwrap().iter();
    let release = release.clone().find(|fault| fault["name"] == "bad-deployment").unwrap();
    assert_eq!(release["title"], "A release with DYNAMODB_TABLE_NAME=picus_date");
    assert_eq!(state["system"]["tasks"].as_array().map(Vec::len), Some(1));

    page.post("/api/clock", &json!({ "running": false })).await;
    let minute = page.get("/api/state").await["minute"].clone();
    time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(page.get("/api/state").await["minute"], minute, "the clock is paused");
    page.post("/api/clock", &json!({ "running": true })).await;
    page.until("/api/state", |state| state["minute"] != minute).await;

    let is_on = |state: &Value, name: &str| {
        let faults = state["faults"].as_array().unwrap();
        faults.iter().find(|fault| fault["name"] == name).unwrap()["on"].clone()
    };
    for (name, on) in
        [("handler-crashes", true), ("dynamodb-unreachable", true), ("handler-crashes", false)]
    {
        let state = page.post("/api/faults", &json!({ "name": name, "on": on })).await;
        assert_eq!(is_on(&state, name), on, "{name}");
    }
    assert_eq!(is_on(&page.get("/api/state").await, "dynamodb-unreachable"), true, "still on");
    for (path, body) in [
        ("/api/clock", json!({ "seconds_per_minute": 0 })),
        ("/api/clock", json!({ "running": "yes" })),
        ("/api/traffic", json!({ "level": "some" })),
        ("/api/faults", json!({ "name": "dynamodb-unreachable" })),
    ] {
        assert_eq!(page.send(path, &body).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = page.send("/api/faults", &json!({ "name": "no", "on": true })).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    page.console.stop().await;
}

#[tokio::test]
async fn events_begin_with_the_state_and_end_when_the_console_stops() {
    let page = Page::open().await;
    let mut stream = page.client.get_path("/api/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while text.matches("event: state\ndata: {").count() < 2 {
        text += &String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap());
    }
    assert!(text.starts_with("retry: 1000\n\nevent: state\n"), "{text}");
    let ends = async { while let Ok(Some(_)) = stream.chunk().await {} };
    let stops = time::timeout(Duration::from_secs(5), page.console.stop());
    let ((), stopped) = tokio::join!(ends, stops);
    stopped.expect("open event streams must not delay the stop");
}

#[tokio::test]
async fn requests_from_other_sites_are_refused() {
    let page = Page::open().await;
    let response = page.client.get_path("/").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    for (name, value) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert!(response.headers()[name].to_str().unwrap().starts_with(value), "{name}");
    }
    assert!(response.headers().get("access-control-allow-origin").is_none());
    let status = async |method: Method, path: &str, name: &str, value: &str| {
        let request = page.client.request(method, path).header(name, value).body("{}");
        request.send().await.unwrap().status()
    };
    let refused = StatusCode::FORBIDDEN;
    assert_eq!(status(Method::GET, "/api/state", "Host", "evil.example").await, refused);
    assert_eq!(status(Method::GET, "/api/session", "Sec-Fetch-Site", "same-site").await, refused);
    assert_eq!(status(Method::POST, "/api/clock", "X-Picus-Token", "guessed").await, refused);
    assert_eq!(status(Method::PUT, "/api/clock", "A", "b").await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(Method::GET, "/api/none", "A", "b").await, StatusCode::NOT_FOUND);
    page.console.stop().await;
}
