//! Acknowledged writes survive restarts.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picus_local::dynamodb::Storage;
use serde_json::json;

use crate::given::{Client, EXECUTABLE, options, started};

fn start(port: u16, folder: &Path) -> Child {
    let mut command = Command::new(EXECUTABLE);
    command.args(["--port", &port.to_string(), "--data-dir"]).arg(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn items_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || {
        let mut options = options();
        options.storage = Storage::Folder(folder.path().join("new/folder"));
        options
    };
    let (system, client) = started(options()).await;
    let id = client.put(&json!({"n": 1})).await;
    system.stop().await;
    let (system, client) = started(options()).await;
    assert_eq!(client.get_status(&id).await, 200);
    system.stop().await;
}

#[tokio::test]
async fn acknowledged_items_survive_kill_9_and_no_process_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::of(SocketAddr::from(([127, 0, 0, 1], port)));
    let mut first = start(port, folder.path());
    client.until_healthy().await;
    let written = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn({
        let (client, written) = (client.clone(), written.clone());
        async move {
            let mut acknowledged = Vec::new();
            let put = || {
                client.request(reqwest::Method::POST, "/picus/put").json(&json!({"n": 1})).send()
            };
            while let Ok(response) = put().await {
                let Ok(body) = response.json::<serde_json::Value>().await else { break };
                acknowledged.push(body["object_id"].as_str().unwrap().to_owned());
                written.store(acknowledged.len(), Ordering::Relaxed);
            }
            acknowledged
        }
    });
    while written.load(Ordering::Relaxed) < 20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let acknowledged = writer.await.unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut second = start(port, folder.path());
    client.until_healthy().await;
    for id in &acknowledged {
        assert_eq!(client.get_status(id).await, 200, "{id}");
    }
    second.kill().unwrap();
    second.wait().unwrap();
}
