//! The API through the load balancer.

use std::collections::HashSet;

use futures_util::future;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::given::{options, started};

#[tokio::test]
async fn put_get_list_and_delete_work_under_one_address() {
    let (system, client) = started(options()).await;
    let id = client.put(&json!({"name": "picus"})).await;
    let item: Value = client.get_path(&format!("/picus/get/{id}")).await.json().await.unwrap();
    assert_eq!(item, json!({"name": "picus", "object_id": id}));
    assert_eq!(client.listed_ids("/picus/list").await, std::slice::from_ref(&id));
    let deleted = client.delete(&id).await;
    assert_eq!(deleted.status(), StatusCode::OK);
    let message = format!("Item with key \"{id}\" deleted successfully");
    assert_eq!(deleted.json::<Value>().await.unwrap(), json!({ "message": message }));
    assert_eq!(client.get_status(&id).await, StatusCode::NOT_FOUND);
    let again = client.delete(&id).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let error = format!("Item with key \"{id}\" not found");
    assert_eq!(again.json::<Value>().await.unwrap()["error"], error);
    system.stop().await;
}

#[tokio::test]
async fn both_programs_send_errors_in_the_same_format_with_the_callers_ids() {
    let (system, client) = started(options()).await;
    let trace = "1-67891233-abcdef012345678912345678";
    for (method, path, status) in [
        (Method::GET, "/picus/get/none", 404),
        (Method::DELETE, "/picus/none", 404),
        (Method::GET, "/picus/get/%zz", 400),
        (Method::DELETE, "/picus/%zz", 400),
        (Method::DELETE, "/picus/", 400),
        (Method::DELETE, "/picus/get/x", 405),
        (Method::GET, "/picus/x", 405),
        (Method::DELETE, "/picus", 404),
        (Method::DELETE, "/health", 405),
    ] {
        let request = client.request(method.clone(), path).header("x-request-id", "order-17");
        let response =
            request.header("x-amzn-trace-id", format!("Root={trace}")).send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{method} {path}");
        assert_eq!(response.headers()["x-request-id"], "order-17");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body.as_object().unwrap().len(), 4, "{method} {path} {body}");
        assert_eq!((&body["trace_id"], &body["request_id"]), (&json!(trace), &json!("order-17")));
    }
    system.stop().await;
}

#[tokio::test]
async fn both_programs_decode_a_key_in_the_same_way() {
    let (system, client) = started(options()).await;
    for path in ["a%2Fb", "%C3%A9", "a%20b", "a+b", "%2525", "~!$&'()*,;=:@"] {
        let error = |text: &str| text.replace('\'', "\"");
        let get: Value = client.get_path(&format!("/picus/get/{path}")).await.json().await.unwrap();
        let delete: Value = client.delete(path).await.json().await.unwrap();
        assert_eq!(
            error(get["error"].as_str().unwrap()),
            error(delete["error"].as_str().unwrap()),
            "{path}"
        );
        assert_eq!(get["code"], "item_not_found", "{path}");
    }
    system.stop().await;
}

#[tokio::test]
async fn of_concurrent_deletes_exactly_one_is_200() {
    let (system, client) = started(options()).await;
    let id = client.put(&json!({})).await;
    let deletes = future::join_all((0..8).map(|_| client.delete(&id))).await;
    let count = |status| deletes.iter().filter(|response| response.status() == status).count();
    assert_eq!((count(200), count(404)), (1, 7));
    system.stop().await;
}

#[tokio::test]
async fn every_one_of_many_concurrent_deletes_gets_a_response() {
    let (system, client) = started(options()).await;
    let ids = client.put_many(40).await;
    let keys = ids.iter().map(String::as_str).chain((0..80).map(|_| "none"));
    let deletes = future::join_all(keys.map(|key| client.delete(key))).await;
    let statuses: Vec<_> = deletes.iter().map(|response| response.status().as_u16()).collect();
    assert_eq!(statuses, [[200; 40].as_slice(), &[404; 80]].concat());
    system.stop().await;
}

#[tokio::test]
async fn pages_contain_each_earlier_item_once_while_others_are_written() {
    let (system, client) = started(options()).await;
    let before: HashSet<String> = client.put_many(40).await.into_iter().collect();
    let writer = tokio::spawn({
        let client = client.clone();
        async move { client.put_many(60).await }
    });
    let (mut seen, mut path) = (Vec::new(), "/picus/list?limit=7".to_owned());
    loop {
        let response = client.get_path(&path).await;
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let items: Vec<Value> = response.json().await.unwrap();
        seen.extend(items.iter().map(|item| item["object_id"].as_str().unwrap().to_owned()));
        let Some(link) = link else { break };
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    let unique: HashSet<String> = seen.iter().cloned().collect();
    assert_eq!(unique.len(), seen.len(), "no item twice");
    assert!(before.is_subset(&unique), "no earlier item is missing");
    writer.await.unwrap();
    system.stop().await;
}
