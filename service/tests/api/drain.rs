//! Stopping without losing a request.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

use crate::app::{config, spawn_app, spawn_with};
use crate::connections::read_response;
use picus_testing::engine;

/// A DynamoDB that waits this long before each answer.
async fn slowly(dynamodb: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(dynamodb).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut piece = vec![0; 65_536];
                while let Ok(length @ 1..) = from_server.read(&mut piece).await {
                    time::sleep(delay).await;
                    if to_client.write_all(&piece[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

const GET: &[u8] = b"GET /picus/get/none HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn requests_in_flight_are_answered_although_other_workers_are_idle() {
    let dynamodb = slowly(engine::start().await, Duration::from_millis(700)).await;
    for _ in 0..3 {
        let mut config = config();
        config.workers = 4;
        // Long deadlines, so that requests do not fail on a slow machine.
        config.table.attempt_timeout = Duration::from_secs(19);
        config.table.operation_timeout = Duration::from_secs(19);
        let mut app = spawn_with(config, dynamodb);
        // Connections go to the four workers in turn, so each worker opens its connections to DynamoDB.
        let mut connections = Vec::new();
        for _ in 0..12 {
            connections.push(TcpStream::connect(app.address).await.unwrap());
        }
        for connection in &mut connections {
            connection.write_all(GET).await.unwrap();
        }
        for connection in &mut connections {
            assert!(read_response(connection).await.starts_with("HTTP/1.1 404 "));
        }
        // Then only two workers keep their clients. The other two are idle.
        let mut connections: Vec<_> = connections
            .into_iter()
            .enumerate()
            .filter(|(n, _)| n % 4 < 2)
            .map(|(_, c)| c)
            .collect();
        time::sleep(Duration::from_millis(100)).await;
        for connection in &mut connections {
            connection.write_all(GET).await.unwrap();
        }
        time::sleep(Duration::from_millis(200)).await;
        app.ask_to_stop();
        for connection in &mut connections {
            let answer = read_response(connection).await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
            assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        }
        app.stopped().await;
    }
}

#[tokio::test]
async fn during_the_shutdown_delay_each_connection_gets_one_response() {
    let mut config = config();
    config.shutdown_delay = Duration::from_secs(2);
    let mut app = spawn_with(config, engine::start().await);
    let mut kept = TcpStream::connect(app.address).await.unwrap();
    kept.write_all(GET).await.unwrap();
    assert!(!read_response(&mut kept).await.to_lowercase().contains("\r\nconnection:"));
    let told = std::time::Instant::now();
    app.ask_to_stop();
    time::sleep(Duration::from_millis(200)).await;
    let mut refused = None;
    // An old connection and new ones get one response each, which says that the connection closes.
    let mut connection = kept;
    while refused.is_none() {
        if connection.write_all(GET).await.is_ok() {
            let mut text = String::new();
            match connection.read_to_string(&mut text).await {
                Ok(length) if length > 0 => {
                    assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
                    assert!(text.to_lowercase().contains("\r\nconnection: close\r\n"), "{text}");
                }
                _ => refused = Some(told.elapsed()),
            }
        }
        time::sleep(Duration::from_millis(20)).await;
        match TcpStream::connect(app.address).await {
            Ok(next) => connection = next,
            Err(_) => refused = Some(told.elapsed()),
        }
    }
    let refused = refused.unwrap();
    assert!(refused >= Duration::from_secs(2), "{refused:?}");
    app.stopped().await;
}

#[tokio::test]
async fn a_list_in_flight_is_completed_after_the_stop_signal() {
    let mut app = spawn_app().await;
    let filler = "x".repeat(300_000);
    for _ in 0..60 {
        app.put(&json!({ "filler": filler })).await;
    }
    let mut response = app.get_path("/picus/list").await;
    let mut received = response.chunk().await.unwrap().unwrap().len();
    app.ask_to_stop();
    while TcpStream::connect(app.address).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    while let Some(chunk) = response.chunk().await.unwrap() {
        received += chunk.len();
    }
    assert!(received > 60 * filler.len());
    app.stopped().await;
}

#[tokio::test]
async fn an_idle_service_stops_at_once() {
    let mut app = spawn_app().await;
    app.get_path("/health").await;
    app.ask_to_stop();
    tokio::time::timeout(std::time::Duration::from_secs(3), app.stopped()).await.unwrap();
}
