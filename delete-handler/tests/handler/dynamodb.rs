//! A DynamoDB engine in this process, and a proxy before it that can inject faults and remove them again.

use std::net::SocketAddr;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use picus_testing::engine::sdk_config;

const TABLE: &str = "picus_data";

/// What the proxy does with requests. Its error messages contain `secret`, so that a test sees whether one
/// reaches a client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Health {
    Well,
    /// It reads requests and never answers.
    Silent,
    Throttling,
    Failing,
    Denying,
    /// It closes every connection.
    Gone,
}

/// Stores an item directly in DynamoDB, as a program other than Picus would.
pub(crate) async fn put(address: SocketAddr, key: &str) {
    let client = Client::new(&sdk_config(address).await);
    let put = client.put_item().table_name(TABLE);
    put.item("object_id", AttributeValue::S(key.to_owned())).send().await.unwrap();
}

/// An address on which nothing listens.
pub(crate) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Starts a proxy before `engine`. It forwards requests or injects a fault, as the last `Health` sent to it
/// says.
pub(crate) async fn start_behind(engine: SocketAddr) -> (SocketAddr, watch::Sender<Health>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (set, health) = watch::channel(Health::Well);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let engine = TcpStream::connect(engine).await.unwrap();
            tokio::spawn(serve(client, engine, health.clone()));
        }
    });
    (address, set)
}

/// Forwards a connection's bytes until one side closes it, or until a request arrives during a fault.
async fn serve(mut client: TcpStream, mut engine: TcpStream, health: watch::Receiver<Health>) {
    let (mut request, mut response) = ([0; 8192], [0; 8192]);
    loop {
        let (to, bytes) = tokio::select! {
            read = client.read(&mut request) => {
                let now = *health.borrow();
                if !matches!(now, Health::Well) {
                    return be_in_trouble(client, now).await;
                }
                (&mut engine, &request[..read.unwrap_or(0)])
            }
            read = engine.read(&mut response) => (&mut client, &response[..read.unwrap_or(0)]),
        };
        if bytes.is_empty() || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn be_in_trouble(mut client: TcpStream, health: Health) {
    let (status, kind) = match health {
        Health::Well | Health::Gone => return,
        Health::Silent => return std::future::pending().await,
        Health::Throttling => ("400 Bad Request", "ThrottlingException"),
        Health::Failing => ("500 Internal Server Error", "InternalServerError"),
        Health::Denying => ("400 Bad Request", "AccessDeniedException"),
    };
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"arn:aws:dynamodb:secret"}}"#
    );
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    // Closing a connection with unread data sends a reset, and the client could lose the response.
    let mut rest = Vec::new();
    if client.write_all(answer.as_bytes()).await.is_ok() {
        let _ = client.read_to_end(&mut rest).await;
    }
}
