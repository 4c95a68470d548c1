//! The practice of incidents: one is solved, another is given up.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Page;

fn is_fault_shown(state: &Value) -> bool {
    state["faults"].as_array().unwrap().iter().any(|fault| fault["on"] == true)
}

#[tokio::test]
async fn a_practice_is_solved_by_ending_its_hidden_fault() {
    let page = Page::open().await;
    let offered = page.get("/api/practice").await;
    assert!(offered["scenarios"].as_array().unwrap().len() >= 10 && offered["run"].is_null());
    let begun = page.post("/api/practice/begin", &json!({ "scenario": "01-first-page" })).await;
    assert!(begun["run"]["over"].is_null(), "{begun}");
    let paged = page.until("/api/state", |state| state["practice"]["paged_minute"].is_u64()).await;
    assert!(!is_fault_shown(&paged), "it is hidden: {paged}");
    let shown = json!({ "name": "dynamodb-unreachable", "on": false });
    assert_eq!(page.send("/api/faults", &shown).await.status(), StatusCode::CONFLICT);
    let again = page.send("/api/practice/begin", &json!({})).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);

    page.post("/api/practice/acknowledge", &json!({})).await;
    let wrong = page.post("/api/practice/answer", &json!({ "causes": ["tasks-gone"] })).await;
    assert_eq!(wrong["run"]["answers"][0]["right"], false);
    let wrong = page.post("/api/practice/act", &json!({ "action": "roll-back" })).await;
    assert_eq!(wrong["run"]["acts"][0]["note"], "it changed nothing");
    page.post("/api/practice/answer", &json!({ "causes": ["dynamodb-unreachable"] })).await;
    page.post("/api/practice/act", &json!({ "action": "open-case" })).await;
    let over = page.until("/api/practice", |practice| practice["run"]["over"].is_object()).await;
    let over = &over["run"]["over"];
    assert_eq!(over["solved"], true, "{over}");
    assert!(over["users_lost"].as_f64() > Some(0.0) && over["minutes_to_mend"].is_u64(), "{over}");
    let late = page.send("/api/practice/act", &json!({ "action": "open-case" })).await;
    assert_eq!(late.status(), StatusCode::CONFLICT);

    page.post("/api/practice/begin", &json!({})).await;
    let given_up = page.post("/api/practice/give-up", &json!({})).await;
    assert_eq!(given_up["run"]["over"]["solved"], false);
    assert!(!is_fault_shown(&page.get("/api/state").await), "the faults have ended");
    page.console.stop().await;
}

#[tokio::test]
async fn a_bad_release_is_rolled_back_to_the_one_before() {
    let page = Page::open().await;
    let revisions = async || {
        let system = page.get("/api/state").await["system"].clone();
        (system["revision"].clone(), system["revision_before"].clone())
    };
    assert_eq!(revisions().await, (json!(1), json!(null)));
    page.post("/api/practice/begin", &json!({ "scenario": "03-after-the-release" })).await;
    page.until("/api/state", |state| state["practice"]["paged_minute"].is_u64()).await;
    assert_eq!(revisions().await, (json!(2), json!(1)));
    // It is a release of its own: its programs say so.
    page.until("/api/logs?text=revision-2&limit=1", |logs| logs["lines"] != json!([])).await;
    page.post("/api/practice/answer", &json!({ "causes": ["bad-deployment"] })).await;
    let act = page.post("/api/practice/act", &json!({ "action": "roll-back" })).await;
    assert_eq!(act["run"]["acts"][0]["note"], "it helped");
    assert_eq!(revisions().await, (json!(1), json!(null)));
    let over = page.until("/api/practice", |practice| practice["run"]["over"].is_object()).await;
    assert_eq!(over["run"]["over"]["solved"], true, "{over}");
    page.console.stop().await;
}
