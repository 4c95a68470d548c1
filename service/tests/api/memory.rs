//! What the service takes up in memory, whatever is sent to it and however large DynamoDB's answers are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time;

use crate::program::Running;

/// A task has 512 MB, of which the collector has up to 150.
const MOST: u64 = 200_000_000;
const CLIENTS: usize = 256;
const HEAD: &str = "HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// An item as DynamoDB tells it: the longest text that 400 KB can come to.
fn longest() -> String {
    let number = format!(r#"{{"N":"1{}"}}"#, "0".repeat(125));
    format!(r#"{{"object_id":{{"S":"k"}},"a":{{"L":[{}]}}}}"#, vec![number; 130_000].join(","))
}

/// A DynamoDB in which this item is whatever is asked for, and comes at the second page of every list again.
async fn full_of(item: &str) -> SocketAddr {
    let (found, gathered, there, listed) = (
        format!(r#"{{"Item":{item}}}"#),
        format!(r#"{{"Responses":{{"picus_data":[{item}]}},"UnprocessedKeys":{{}}}}"#),
        format!(r#"{{"__type":"x#ConditionalCheckFailedException","Item":{item}}}"#),
        format!(r#"{{"Items":[{item}],"LastEvaluatedKey":{{"object_id":{{"S":"k"}}}}}}"#),
    );
    let answer = |status: &str, body: String| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let answers = Arc::new([
        ("GetItem", answer("200 OK", found)),
        ("BatchGetItem", answer("200 OK", gathered)),
        ("PutItem", answer("400 Bad Request", there)),
        ("Scan", answer("200 OK", listed)),
    ]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answers = answers.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                loop {
                    let end = read.windows(4).position(|bytes| bytes == b"\r\n\r\n");
                    let Some(end) = end else {
                        match connection.read_buf(&mut read).await {
                            Ok(1..) => continue,
                            _ => return,
                        }
                    };
                    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                    while read.len() < end + 4 + length {
                        if !matches!(connection.read_buf(&mut read).await, Ok(1..)) {
                            return;
                        }
                    }
                    read.drain(..end + 4 + length);
                    let called =
                        |name: &str| head.contains(&format!("20120810.{}", name.to_lowercase()));
                    let (_, answer) = answers.iter().find(|(name, _)| called(name)).unwrap();
                    if connection.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Many clients send this again and again for a while. Those that do not read keep their connections.
async fn storm(address: SocketAddr, request: &str, reads: bool, lasts: Duration) {
    let request: Arc<[u8]> = request.as_bytes().into();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let request = request.clone();
        clients.spawn(async move {
            loop {
                let Ok(mut connection) = TcpStream::connect(address).await else { continue };
                // It may be refused before all of it has been sent.
                let _ = connection.write_all(&request).await;
                if !reads {
                    return std::future::pending::<()>().await;
                }
                let mut piece = vec![0; 65_536];
                while matches!(connection.read(&mut piece).await, Ok(1..)) {}
            }
        });
    }
    time::sleep(lasts).await;
    clients.shutdown().await;
}

/// The most that a process has had so far, in bytes (proc(5)).
#[cfg(target_os = "linux")]
fn most_memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_takes_up_more_than_two_hundred_megabytes() {
    let dynamodb = format!("http://{}", full_of(&longest()).await);
    let running = Running::start(&[
        ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
        ("PICUS_WORKERS", "2"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
    ]);
    let [address, _] = running.addresses;
    let put = |body: &str| {
        let length = body.len();
        format!(
            "POST /picus/put {HEAD}connection: close\r\nidempotency-key: k\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let get = |path: &str| format!("GET {path} {HEAD}connection: close\r\n\r\n");
    let texts = format!(r#"{{"a":[{}]}}"#, vec![r#""""#; 400_000].join(","));
    let numbers = format!(r#"{{"a":[{}]}}"#, vec!["1"; 800_000].join(","));
    let half = put(&texts)[..1_000_000].to_owned();
    for (what, request, reads) in [
        ("puts of many texts", put(&texts), true),
        ("puts of too many numbers", put(&numbers), true),
        ("gets of long answers", get("/picus/get/k"), true),
        ("lists", get("/picus/list"), true),
        ("pages of lists", get("/picus/list?limit=1000"), true),
        ("lists that nobody reads", get("/picus/list"), false),
        ("gets that nobody reads", get("/picus/get/k"), false),
        ("bodies that stop", half, false),
        ("heads without end", format!("GET / {HEAD}a: {}", "x".repeat(120_000)), false),
        (
            "requests sent ahead",
            get("/picus/get/k").replace("close", "keep-alive").repeat(1000),
            false,
        ),
    ] {
        storm(address, &request, reads, Duration::from_secs(2)).await;
        let most = most_memory(running.id());
        eprintln!("{what}: {} MB", most / 1_000_000);
        assert!(most < MOST, "{what}: {most} bytes");
    }
    // What was held is free again.
    let small = async {
        loop {
            let refused = crate::program::exchange(address, &get("/picus/list?limit=0"));
            let made = crate::program::exchange(address, &put("no item"));
            if refused.starts_with("HTTP/1.1 400 ") && made.starts_with("HTTP/1.1 400 ") {
                break;
            }
        }
    };
    time::timeout(Duration::from_secs(20), small).await.unwrap();
}
