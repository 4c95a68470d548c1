//! Put and get.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, failure, spawn_app};

async fn put_with_key(app: &App, key: &str, body: Value) -> reqwest::Response {
    let request = app.request(Method::POST, "/picus/put").header("idempotency-key", key);
    request.json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_put_stores_the_item_and_returns_its_location() {
    let app = spawn_app().await;
    let response =
        app.put_text(r#"{"name":"Käse","price":1234567890123456789012345678901234.5678}"#).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let id = response.json::<Value>().await.unwrap()["object_id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/picus/get/{id}"));
    let text = app.get_path(&location).await.text().await.unwrap();
    let expected = format!(
        r#"{{"name":"Käse","object_id":"{id}","price":1234567890123456789012345678901234.5678}}"#
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_content_type_may_have_parameters_and_any_case() {
    let app = spawn_app().await;
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;x=y"] {
        let request = app.request(Method::POST, "/picus/put").header("content-type", good);
        assert_eq!(request.body("{}").send().await.unwrap().status(), 201, "{good}");
    }
}

#[tokio::test]
async fn a_repeated_idempotency_key_returns_the_same_item() {
    let app = spawn_app().await;
    let first: Value = put_with_key(&app, "order-1", json!({"a": 1})).await.json().await.unwrap();
    let again = put_with_key(&app, "order-1", json!({"a": 1})).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let (status, code, _) = failure(put_with_key(&app, "order-1", json!({"a": 2})).await).await;
    assert_eq!((status, code.as_str()), (409, "idempotency_conflict"));
    let other: Value = put_with_key(&app, "order-2", json!({"a": 1})).await.json().await.unwrap();
    assert_ne!(other, first);
}

#[tokio::test]
async fn a_bad_idempotency_key_is_refused() {
    let app = spawn_app().await;
    let long = "k".repeat(256);
    for bad in ["", "a b", long.as_str()] {
        let (status, code, _) = failure(put_with_key(&app, bad, json!({})).await).await;
        assert_eq!((status, code.as_str()), (400, "invalid_idempotency_key"), "{bad}");
    }
}

#[tokio::test]
async fn a_missing_item_is_404_with_its_key() {
    let app = spawn_app().await;
    let (status, code, error) = failure(app.get_path("/picus/get/no%2Fsuch%20%22one").await).await;
    assert_eq!((status, code.as_str()), (404, "item_not_found"));
    assert_eq!(error, "Item with key 'no/such \"one' not found");
    // Any segment after `/picus/get/` is a key, whatever it contains.
    for odd in ["%0A", "%00", "a%0Ab", "%2f", "%2F%2e%2E", "get", "+", "a+b%20c", "%25"] {
        let (status, code, _) = failure(app.get_path(&format!("/picus/get/{odd}")).await).await;
        assert_eq!((status, code.as_str()), (404, "item_not_found"), "{odd}");
    }
}

#[tokio::test]
async fn a_get_without_a_key_or_with_a_bad_one_is_400() {
    let app = spawn_app().await;
    for path in ["/picus/get", "/picus/get/"] {
        let (status, code, error) = failure(app.get_path(path).await).await;
        assert_eq!((status, code.as_str()), (400, "missing_key"), "{path}");
        assert_eq!(error, "Missing key path parameter");
    }
    let long = "k".repeat(2049);
    for bad in ["%ff", "%", "%4", "%zz", long.as_str()] {
        let (status, code, _) = failure(app.get_path(&format!("/picus/get/{bad}")).await).await;
        assert_eq!((status, code.as_str()), (400, "invalid_key"), "{bad}");
    }
    let longest = format!("/picus/get/{}", "k".repeat(2048));
    assert_eq!(failure(app.get_path(&longest).await).await.0, 404);
}
