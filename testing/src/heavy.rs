//! The requests that take up the most memory, and a DynamoDB whose answers do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time;

const CLIENTS: usize = 256;
const HEAD: &str = "HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// An item as DynamoDB tells it: the longest text that 400 KB can come to.
fn longest() -> String {
    let number = format!(r#"{{"N":"1{}"}}"#, "0".repeat(125));
    format!(r#"{{"object_id":{{"S":"k"}},"a":{{"L":[{}]}}}}"#, vec![number; 130_000].join(","))
}

/// A DynamoDB in which one item is whatever is asked for, and comes at the second page of every list again. It is the
/// longest that DynamoDB has.
///
/// # Panics
/// If there is no port, or a call that a service does not make.
pub async fn dynamodb() -> SocketAddr {
    let item = longest();
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

/// A put of this body, with an `Idempotency-Key`.
#[must_use]
pub fn put(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /picus/put {HEAD}connection: close\r\nidempotency-key: k\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A get of this path.
#[must_use]
pub fn get(path: &str) -> String {
    format!("GET {path} {HEAD}connection: close\r\n\r\n")
}

/// Requests of a kind, and whether their clients read the answers.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names of the members say all")]
pub struct Storm {
    pub what: &'static str,
    pub request: String,
    pub reads: bool,
}

/// The heaviest that are known of each kind.
#[must_use]
pub fn storms() -> Vec<Storm> {
    let texts = put(&format!(r#"{{"a":[{}]}}"#, vec![r#""""#; 400_000].join(",")));
    let numbers = put(&format!(r#"{{"a":[{}]}}"#, vec!["1"; 800_000].join(",")));
    let half = texts[..1_000_000].to_owned();
    let head = format!("GET / {HEAD}a: {}", "x".repeat(120_000));
    let ahead = get("/picus/get/k").replace("close", "keep-alive").repeat(1000);
    let all = [
        ("puts of many texts", texts, true),
        ("puts of too many numbers", numbers, true),
        ("gets of long answers", get("/picus/get/k"), true),
        ("lists", get("/picus/list"), true),
        ("pages of lists", get("/picus/list?limit=1000"), true),
        ("lists that nobody reads", get("/picus/list"), false),
        ("gets that nobody reads", get("/picus/get/k"), false),
        ("bodies that stop", half, false),
        ("heads without end", head, false),
        ("requests sent ahead", ahead, false),
    ];
    all.map(|(what, request, reads)| Storm { what, request, reads }).into()
}

/// Many clients send this again and again for a while. Those that do not read keep their connections.
pub async fn send(address: SocketAddr, storm: &Storm, lasts: Duration) {
    let (request, reads) = (Arc::<[u8]>::from(storm.request.as_bytes()), storm.reads);
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
