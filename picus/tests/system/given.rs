//! Starts a system for one test, and sends requests to it.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picus_local::{Options, System};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// The executable under test.
pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_picus");

/// A small system with its items in memory.
pub(crate) fn options() -> Options {
    Options {
        executable: EXECUTABLE.into(),
        environment: HashMap::from([("PICUS_WORKERS".to_owned(), "1".to_owned())]),
        ..Options::default()
    }
}

/// A client of the system at an address.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    http: reqwest::Client,
}

pub(crate) async fn started(options: Options) -> (System, Client) {
    let system = System::start(options).await.unwrap();
    let client = Client::of(system.address());
    (system, client)
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { address, http }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get_path(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn put(&self, item: &Value) -> String {
        let response = self.request(Method::POST, "/picus/put").json(item).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json::<Value>().await.unwrap()["object_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn put_many(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(self.put(&json!({ "number": number })).await);
        }
        ids
    }

    pub(crate) async fn get_status(&self, id: &str) -> StatusCode {
        self.get_path(&format!("/picus/get/{id}")).await.status()
    }

    pub(crate) async fn delete(&self, id: &str) -> Response {
        self.request(Method::DELETE, &format!("/picus/{id}")).send().await.unwrap()
    }

    pub(crate) async fn listed_ids(&self, path: &str) -> Vec<String> {
        let items: Vec<Value> = self.get_path(path).await.json().await.unwrap();
        items.iter().map(|item| item["object_id"].as_str().unwrap().to_owned()).collect()
    }

    /// Repeats a request until the system serves.
    pub(crate) async fn until_healthy(&self) {
        let health = || self.request(Method::GET, "/health").send();
        let healthy = async {
            while !health().await.is_ok_and(|response| response.status() == 200) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), healthy).await.unwrap();
    }
}

/// Replaces the executable by one whose delete handler writes its process id into the file `pid`, and ends at once
/// while there is a file `broken`.
pub(crate) fn tampered(folder: &Path) -> PathBuf {
    let files = folder.display();
    let leave = format!("echo $$ > {files}/pid.new && mv {files}/pid.new {files}/pid");
    with_handler(folder, &format!("[ -e {files}/broken ] && exit 1; {leave}"))
}

/// Replaces the executable by one that runs this before it becomes a delete handler.
pub(crate) fn with_handler(folder: &Path, before: &str) -> PathBuf {
    let script = folder.join("picus");
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = delete-handler ]; then\n  {before}\nfi\nexec {EXECUTABLE} \"$@\"\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Sends a signal to a process.
pub(crate) fn send_signal(signal: &str, pid: &str) {
    let status =
        std::process::Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status();
    assert!(status.unwrap().success());
}
