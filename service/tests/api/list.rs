//! Whole lists, pages, and lists that fail midway.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::app::{App, config, failure, spawn_app, spawn_with};
use picus_testing::engine;

async fn ids(response: reqwest::Response) -> Vec<String> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let items: Vec<Value> = response.json().await.unwrap();
    items.iter().map(|item| item["object_id"].as_str().unwrap().to_owned()).collect()
}

async fn put_many(app: &App, count: usize) -> HashSet<String> {
    let mut ids = HashSet::new();
    for number in 0..count {
        ids.insert(app.put(&json!({ "number": number })).await);
    }
    ids
}

#[tokio::test]
async fn an_empty_table_is_an_empty_array() {
    let app = spawn_app().await;
    assert_eq!(app.get_path("/picus/list").await.text().await.unwrap(), "[]");
    assert_eq!(app.get_path("/picus/list?limit=5").await.text().await.unwrap(), "[]");
}

#[tokio::test]
async fn a_list_without_a_limit_has_every_item() {
    let app = spawn_app().await;
    let put = put_many(&app, 1_050).await;
    let listed = ids(app.get_path("/picus/list").await).await;
    assert_eq!(listed.len(), put.len());
    assert_eq!(listed.into_iter().collect::<HashSet<_>>(), put);
}

#[tokio::test]
async fn pages_follow_their_links_to_the_last() {
    let app = spawn_app().await;
    let put = put_many(&app, 7).await;
    let (mut seen, mut path, mut pages) = (HashSet::new(), "/picus/list?limit=3".to_owned(), 0);
    loop {
        let response = app.get_path(&path).await;
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let page = ids(response).await;
        assert!(page.len() <= 3);
        seen.extend(page);
        pages += 1;
        let Some(link) = link else { break };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.starts_with("/picus/list?limit=3&cursor="), "{path}");
    }
    assert_eq!((seen, pages), (put, 3));
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_400() {
    let app = spawn_app().await;
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=1001", "invalid_limit"),
        ("limit=x", "invalid_limit"),
        ("limit=1&limit=2", "invalid_limit"),
        ("limit=1&cursor=x", "invalid_cursor"),
        ("cursor=MTph", "invalid_cursor"),
    ] {
        let (status, found, _) = failure(app.get_path(&format!("/picus/list?{query}")).await).await;
        assert_eq!((status, found.as_str()), (400, code), "{query}");
    }
}

/// A proxy between the service and DynamoDB that forwards answers until `cut` is set.
async fn cable(dynamodb: std::net::SocketAddr, cut: Arc<AtomicBool>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let cut = cut.clone();
            tokio::spawn(async move {
                if cut.load(Ordering::SeqCst) {
                    return;
                }
                let mut far = TcpStream::connect(dynamodb).await.unwrap();
                let until_cut = async {
                    while !cut.load(Ordering::SeqCst) {
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = until_cut => {}
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_list_that_fails_midway_closes_its_connection() {
    let cut = Arc::new(AtomicBool::new(false));
    let mut config = config();
    config.table.max_attempts = Some(std::num::NonZeroU32::MIN);
    let app = spawn_with(config, cable(engine::start().await, cut.clone()).await);
    // Several of DynamoDB's pages, and more bytes than the connection's buffers hold.
    let filler = "x".repeat(300_000);
    for _ in 0..60 {
        app.put(&json!({ "filler": filler })).await;
    }
    let mut response = app.get_path("/picus/list").await;
    assert_eq!(response.status(), 200);
    assert!(!response.chunk().await.unwrap().unwrap().is_empty());
    cut.store(true, Ordering::SeqCst);
    let error = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the client could not see that the list is incomplete"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode() || error.is_request(), "{error:?}");
    let (status, _, error) = failure(app.get_path("/picus/list").await).await;
    assert_eq!((status, error.as_str()), (500, "Could not list items"), "before the first byte");
    cut.store(false, Ordering::SeqCst);
    assert_eq!(ids(app.get_path("/picus/list").await).await.len(), 60, "mended");
}

/// A DynamoDB whose table has one large item. It passes each request that it gets to `asked`.
async fn one_large_item(asked: mpsc::UnboundedSender<String>) -> std::net::SocketAddr {
    let item = json!({"object_id": {"S": "k"}, "filler": {"S": "x".repeat(300_000)}});
    let body = json!({"Items": [item]}).to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut piece = [0; 4096];
                let bytes = connection.read(&mut piece).await.unwrap();
                request += std::str::from_utf8(&piece[..bytes]).unwrap();
            }
            asked.send(request).unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_list_first_asks_for_as_many_items_as_fitted_in_the_last_page() {
    let (asked, mut requests) = mpsc::unbounded_channel();
    let app = spawn_with(config(), one_large_item(asked).await);
    for limit in [100, 1] {
        assert_eq!(ids(app.get_path("/picus/list").await).await, ["k"]);
        let request = requests.recv().await.unwrap();
        assert!(request.contains(&format!(r#""Limit":{limit},"#)), "{request}");
    }
}
