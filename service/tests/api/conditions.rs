//! Entity-tags and conditional requests.

use reqwest::Method;
use serde_json::json;

use crate::app::{failure, spawn_app};

#[tokio::test]
async fn an_item_has_a_strong_entity_tag_that_no_other_item_has() {
    let app = spawn_app().await;
    let (one, other) = (app.put(&json!({"a": 1})).await, app.put(&json!({"a": 1})).await);
    let tag =
        async |id: &str| app.get_path(&format!("/picus/get/{id}")).await.headers()["etag"].clone();
    let etag = tag(&one).await;
    assert!(etag.to_str().unwrap().starts_with('"'), "{etag:?}");
    assert_eq!(tag(&one).await, etag);
    assert_ne!(tag(&other).await, etag);
}

#[tokio::test]
async fn a_get_is_304_if_the_client_has_the_item() {
    let app = spawn_app().await;
    let path = format!("/picus/get/{}", app.put(&json!({"a": 1})).await);
    let etag = app.get_path(&path).await.headers()["etag"].to_str().unwrap().to_owned();
    let weak = format!("W/{etag}");
    for method in [Method::GET, Method::HEAD] {
        for (if_none_match, status) in [
            (etag.as_str(), 304),
            (&weak, 304),
            (&format!("\"x\", {etag}"), 304),
            ("*", 304),
            ("\"x\"", 200),
        ] {
            let request = app.request(method.clone(), &path);
            let response = request.header("if-none-match", if_none_match).send().await.unwrap();
            assert_eq!(response.status(), status, "{if_none_match}");
            assert_eq!(response.headers()["etag"], etag, "{if_none_match}");
            assert_eq!(response.headers().contains_key("content-type"), status == 200);
        }
    }
    let request = app.request(Method::GET, "/picus/get/none").header("if-none-match", "*");
    assert_eq!(failure(request.send().await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn a_get_is_412_if_the_entity_tag_does_not_match() {
    let app = spawn_app().await;
    let path = format!("/picus/get/{}", app.put(&json!({"a": 1})).await);
    let etag = app.get_path(&path).await.headers()["etag"].to_str().unwrap().to_owned();
    for met in [&etag, "*"] {
        let response =
            app.request(Method::GET, &path).header("if-match", met).send().await.unwrap();
        assert_eq!(response.status(), 200, "{met}");
    }
    for not in ["\"x\"", &format!("W/{etag}")] {
        let response =
            app.request(Method::GET, &path).header("if-match", not).send().await.unwrap();
        let (status, code, _) = failure(response).await;
        assert_eq!((status, code.as_str()), (412, "precondition_failed"), "{not}");
    }
}

#[tokio::test]
async fn a_put_with_if_match_is_412_and_stores_nothing() {
    let app = spawn_app().await;
    for if_match in ["*", "\"x\""] {
        let request = app.request(Method::POST, "/picus/put").header("if-match", if_match);
        let response = request.json(&json!({"a": 1})).send().await.unwrap();
        assert_eq!(failure(response).await.0, 412, "{if_match}");
    }
    assert_eq!(app.get_path("/picus/list").await.text().await.unwrap(), "[]");
    let request = app.request(Method::POST, "/picus/put").header("if-none-match", "*");
    assert_eq!(request.json(&json!({})).send().await.unwrap().status(), 201);
}
