//! The console of a running system.

use std::time::Duration;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_console::Console;
use picus_local::{Options, System};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time;

use crate::given::{Client, options};

/// A console, and the client of a page that it serves.
struct Page {
    console: Console,
    client: Client,
    token: String,
}

impl Page {
    async fn open() -> Self {
        let metrics = MetricSink::on();
        let options = Options { metrics: metrics.clone(), ..options() };
        let system = System::start(options).await.unwrap();
        let listener = picus_console::listen(0).await.unwrap();
        let console = Console::start(listener, system, metrics).unwrap();
        let client = Client::of(console.address());
        let session: Value = client.get_path("/api/session").await.json().await.unwrap();
        let token = session["token"].as_str().unwrap().to_owned();
        let page = Self { console, client, token };
        page.post("/api/clock", &json!({ "seconds_per_minute": 1 })).await;
        page
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get_path(path).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    async fn send(&self, path: &str, body: &Value) -> Response {
        let request = self.client.request(Method::POST, path);
        request.header("X-Picus-Token", &self.token).json(body).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.send(path, body).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Asks until the answer is as wanted.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let answer = self.get(path).await;
                if is_so(&answer) {
                    return answer;
                }
                time::sleep(Duration::from_millis(100)).await;
            }
        };
        time::timeout(Duration::from_mins(1), asked).await.expect(path)
    }
}

#[tokio::test]
async fn the_clock_the_traffic_and_the_faults_follow_the_page() {
    let page = Page::open().await;
    let state = page.until("/api/state", |state| state["minute"].as_u64() > Some(1)).await;
    assert_eq!(state["clock"], json!({ "running": true, "seconds_per_minute": 1 }));
    assert_eq!(state["traffic"]["level"], "none");
    assert_eq!(state["system"]["tasks"].as_array().map(Vec::len), Some(1));

    page.post("/api/clock", &json!({ "running": false })).await;
    let minute = page.get("/api/state").await["minute"].clone();
    time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(page.get("/api/state").await["minute"], minute, "it stands still");
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
    stopped.expect("readers of events do not hold it up");
}

#[tokio::test]
async fn only_the_consoles_own_page_is_answered() {
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

#[tokio::test]
async fn a_fault_raises_its_alarm_with_its_reason_and_runbook_and_ends() {
    let page = Page::open().await;
    page.post("/api/traffic", &json!({ "level": "normal" })).await;
    let states = |answer: &Value, name: &str, wanted: &str| {
        let alarms = answer["alarms"].as_array().unwrap();
        alarms.iter().any(|alarm| alarm["name"] == name && alarm["state"] == wanted)
    };
    let outage = "picus-outage";
    page.until("/api/alarms", |alarms| states(alarms, outage, "OK")).await;
    let fault = |on| json!({ "name": "dynamodb-unreachable", "on": on });
    page.post("/api/faults", &fault(true)).await;
    page.until("/api/alarms", |alarms| states(alarms, outage, "ALARM")).await;

    let alarm = page.get("/api/alarms/picus-outage?minutes=10").await;
    assert_eq!(
        (&alarm["kind"], &alarm["history"][0]["to"]),
        (&json!("composite"), &json!("ALARM"))
    );
    let part = alarm["parts"].as_array().unwrap().iter().find(|part| part["state"] == "ALARM");
    let part = part.expect("a part of it is on")["name"].as_str().unwrap().to_owned();
    assert_eq!(alarm["reason"], format!("{part} transitioned to ALARM"));
    assert!(alarm["runbook_html"].as_str().unwrap().starts_with("<h1>picus-outage</h1>"));
    assert!(alarm["queries"][0]["query"].as_str().unwrap().starts_with("filter "), "{alarm}");
    let part = page.get(&format!("/api/alarms/{part}?minutes=10")).await;
    assert!(part["reason"].as_str().unwrap().starts_with("Threshold Crossed: "), "{part}");
    let (points, counted) = (&part["points"], part["counted"].as_array().unwrap());
    assert_eq!(points.as_array().map(Vec::len), Some(counted.len()));
    assert_eq!(part["times"].as_array().map(Vec::len), Some(counted.len()));
    assert!(counted.contains(&json!("breaching")) && counted.contains(&json!("good")), "{part}");

    // The same alarms under another name fire on the same data.
    let template = "
Resources:
  Mine: {Type: 'AWS::CloudWatch::Alarm', Properties: {AlarmName: mine, AlarmDescription: d, Namespace: Clients,
    MetricName: Failed, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 0,
    ComparisonOperator: GreaterThanThreshold, TreatMissingData: notBreaching}}
  Both: {Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {AlarmName: both, AlarmDescription: d,
    AlarmRule: 'ALARM(mine) OR ALARM(gone)'}}
";
    let drawn = page.post("/api/alarms", &json!({ "template": template })).await;
    assert!(states(&drawn, "mine", "ALARM") && states(&drawn, "both", "ALARM"), "{drawn}");
    assert_eq!(drawn["problems"], json!(["both: there is no alarm gone"]));
    let drawn = page.post("/api/alarms", &json!({ "template": "Resources: {A: [" })).await;
    assert_eq!(drawn["problems"].as_array().map(Vec::len), Some(1), "{drawn}");

    page.post("/api/faults", &fault(false)).await;
    page.until("/api/alarms", |alarms| states(alarms, outage, "OK")).await;
    let before = alarm["history"][0]["minute"].as_u64().unwrap();
    let then = page.get(&format!("/api/alarms?until={before}")).await;
    assert!(states(&then, outage, "ALARM"), "rewound: {then}");
    let missing = page.client.get_path("/api/alarms/none").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    page.console.stop().await;
}
