//! The console without its page: `picus status`, `picus traces`, `picus query`.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Page;
use crate::given::EXECUTABLE;

#[tokio::test]
async fn a_terminal_shows_the_state_the_traces_and_queries() {
    let page = Page::open().await;
    let address = page.client.request(Method::GET, "").build().unwrap().url().clone();
    let port = address.port().unwrap().to_string();
    let picus = async |arguments: &[&str]| {
        let mut command = Command::new(EXECUTABLE);
        let output =
            command.args(arguments).args(["--console-port", &port]).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let put = json!({
        "method": "POST",
        "path": "/picus/put",
        "headers": { "Content-Type": "application/json" },
        "body": "{}",
    });
    let called = page.post("/api/requests", &put).await;
    let xray = called["xray_id"].as_str().unwrap();
    let is_there = |found: &Value| found["traces"] != json!([]);
    page.until(&format!("/api/traces?id={xray}"), is_there).await;
    page.post("/api/faults", &json!({ "name": "dynamodb-slow", "on": true })).await;

    let (code, shown, error) = picus(&["status"]).await;
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].contains("running, 1 s each; traffic none; 1 of 1 tasks healthy"), "{shown}");
    assert!(lines[1].contains(" requests a minute, "), "{shown}");
    assert_eq!(lines[2], "fault dynamodb-slow: DynamoDB takes 2.5s longer for every call");
    let (_, shown, _) = picus(&["status", "--json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["state"]["clock"]["seconds_per_minute"], 1);

    let (_, shown, _) =
        picus(&["traces", "--route", "/picus/put", "--status", "2xx", "--id", xray]).await;
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(
        shown.starts_with(&format!("{xray} 201 ")) && shown.contains(" ms POST /picus/put"),
        "{shown}"
    );
    let (_, shown, _) = picus(&["traces", "--status", "5xx"]).await;
    assert_eq!(shown, "");

    let query =
        "filter message = 'request' and `http.route` = '/picus/put' | stats count(*) as puts";
    assert_eq!(picus(&["query", query]).await, (Some(0), "puts=1.0\n".to_owned(), String::new()));
    let (code, shown, error) = picus(&["query", "frob"]).await;
    assert_eq!((code, shown.as_str()), (Some(1), ""));
    assert!(error.starts_with("picus: the query is not understood"), "{error}");

    page.console.stop().await;
    let (code, _, error) = picus(&["status"]).await;
    assert_eq!((code, error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("--console-port"), "{error}");
}
