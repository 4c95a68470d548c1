//! Servers in processes of their own, and what the kernel says of them.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::usage;
use picus_testing::engine;

pub(crate) const TABLE: &str = "picus_data";
pub(crate) const CLIENTS: u32 = 8;

/// Writes an item for each of so many clients.
pub(crate) async fn put_items(dynamodb: SocketAddr, clients: u32) -> io::Result<()> {
    let dynamodb = Client::new(&engine::sdk_config(dynamodb).await);
    for client in 0..clients {
        let put = dynamodb.put_item().table_name(TABLE);
        put.item("object_id", AttributeValue::S(key(client)))
            .item("name", AttributeValue::S("picus".repeat(40)))
            .item("price", AttributeValue::N("12.50".into()))
            .send()
            .await
            .map_err(io::Error::other)?;
    }
    Ok(())
}

fn key(client: u32) -> String {
    format!("item-{client}")
}

/// What clients ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Get,
    Put,
}

/// A server in a process of its own, which ends with this.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended can't be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts `program` on one thread, with `settings`, and waits until it answers.
    pub(crate) async fn start(
        mut program: Command,
        dynamodb: SocketAddr,
        settings: &[(&str, &str)],
    ) -> io::Result<Self> {
        let (address, metrics_address) = (free_address()?, free_address()?);
        let child = program
            .env_clear()
            .envs(HashMap::from([
                ("PICUS_ADDRESS", address.to_string()),
                ("PICUS_WORKERS", "1".to_owned()),
                ("OTEL_EXPORTER_PROMETHEUS_PORT", metrics_address.port().to_string()),
                ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}")),
                ("AWS_REGION", "eu-central-1".to_owned()),
                ("AWS_DEFAULT_REGION", "eu-central-1".to_owned()),
                ("DYNAMODB_TABLE_NAME", TABLE.to_owned()),
                ("AWS_ACCESS_KEY_ID", "none".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
            ]))
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self { address, child };
        let health = server.url("/health");
        for _ in 0..500 {
            if reqwest::get(&health).await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(io::Error::other("the server did not come up"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Gets items this often in all, each of so many clients its own. The time that each took, the shortest first.
    pub(crate) async fn gets(&self, clients: u32, requests: u32) -> io::Result<Vec<Duration>> {
        let most = requests / clients;
        self.asked(clients, Request::Get, move |done, _| done < most).await
    }

    /// Sends requests for so long. The time that each took, the shortest first.
    pub(crate) async fn asked_for(
        &self,
        clients: u32,
        request: Request,
        time: Duration,
    ) -> io::Result<Vec<Duration>> {
        self.asked(clients, request, move |_, since| since.elapsed() < time).await
    }

    /// Each client sends a request after the other, while `goes_on` says so of how many it has sent, and since when.
    async fn asked(
        &self,
        clients: u32,
        request: Request,
        goes_on: impl Fn(u32, Instant) -> bool + Copy + Send + 'static,
    ) -> io::Result<Vec<Duration>> {
        let http = reqwest::Client::new();
        let since = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let request = match request {
                    Request::Get => http.get(self.url(&format!("/picus/get/{}", key(client)))),
                    Request::Put => http
                        .post(self.url("/picus/put"))
                        .header("content-type", "application/json")
                        .body(format!("{{\"name\":\"{}\",\"price\":12.5}}", "picus".repeat(40))),
                };
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    let mut done = 0;
                    while goes_on(done, since) {
                        let request = request.try_clone().expect("its body is not a stream");
                        let begun = Instant::now();
                        let response = request.send().await.map_err(io::Error::other)?;
                        let status = response.status();
                        assert!(
                            status.is_success(),
                            "a measured request must do its work: {status}"
                        );
                        response.bytes().await.map_err(io::Error::other)?;
                        took.push(begun.elapsed());
                        done += 1;
                    }
                    Ok::<_, io::Error>(took)
                })
            })
            .collect();
        let mut took = Vec::new();
        for client in clients {
            took.extend(client.await.map_err(io::Error::other)??);
        }
        took.sort();
        Ok(took)
    }

    /// What the process has used of the CPU, in user and kernel mode.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        usage::cpu(self.child.id())
    }

    /// Its memory now and at its highest, in bytes.
    pub(crate) fn memory(&self) -> io::Result<(u64, u64)> {
        usage::memory(self.child.id())
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
