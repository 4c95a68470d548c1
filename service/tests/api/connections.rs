//! Tests that read and write a connection's bytes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::spawn_app;

async fn connect(address: SocketAddr, sent: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(sent.as_bytes()).await.unwrap();
    connection
}

async fn read_to_end(mut connection: TcpStream) -> String {
    let mut text = String::new();
    let reading = connection.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
    text
}

/// Reads the next response, up to the end of its JSON body.
pub(crate) async fn read_response(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with('}') {
        let mut piece = [0; 4096];
        let length = connection.read(&mut piece).await.unwrap();
        assert!(length > 0, "the connection ended after {text:?}");
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    text
}

#[tokio::test]
async fn a_list_for_http_1_0_has_no_chunks() {
    let app = spawn_app().await;
    app.put(&json!({ "a": 1 })).await;
    for keep_alive in ["", "connection: keep-alive\r\n"] {
        let request = format!("GET /picus/list HTTP/1.0\r\n{keep_alive}\r\n");
        let answer = read_to_end(connect(app.address, &request).await).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
        assert_eq!(serde_json::from_str::<Vec<Value>>(body).unwrap()[0]["a"], 1, "{body}");
    }
}

#[tokio::test]
async fn a_half_sent_request_is_served_after_the_stop_signal_and_closes_its_connection() {
    let mut app = spawn_app().await;
    let head = "POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\"";
    let mut half_sent = connect(app.address, head).await;
    // There is one worker. When it has answered a later request, it has read the head of this one.
    app.get_path("/health").await;
    app.ask_to_stop();
    while TcpStream::connect(app.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    half_sent.write_all(b":1}").await.unwrap();
    let answer = read_to_end(half_sent).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    app.stopped().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_a_stop() {
    let mut app = spawn_app().await;
    let mut idle = connect(app.address, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(read_response(&mut idle).await.starts_with("HTTP/1.1 200 "));
    app.ask_to_stop();
    assert_eq!(read_to_end(idle).await, "", "the service closes it");
    tokio::time::timeout(Duration::from_secs(3), app.stopped()).await.unwrap();
}
