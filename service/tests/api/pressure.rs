//! Slow clients, slow routes and large items must not harm other requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time;

use crate::app::{App, config, failure, spawn_with};
use crate::limits::has_place;
use picus_testing::engine;

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
const PUT: &str = "POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// Opens a connection with a small receive buffer, and sends `text`.
async fn send(app: &App, text: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(app.address).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

/// Reads until the connection ends.
async fn rest(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = connection.read_to_end(&mut answer);
    // The connection may be reset.
    let _ = time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn fill(app: &App, items: usize, bytes: usize) {
    let filler = "x".repeat(bytes);
    for _ in 0..items {
        app.put(&json!({ "filler": filler })).await;
    }
}

#[tokio::test]
async fn slow_bodies_take_no_place_and_are_disconnected() {
    let mut config = config();
    config.max_in_flight = 1;
    config.client_timeout = Duration::from_mins(5);
    let app = spawn_with(config, engine::start().await);
    let begun = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..50 {
        slow.push(send(&app, &format!("{PUT}content-length: 100\r\n\r\n{{")).await);
    }
    for _ in 0..20 {
        app.put(&json!({ "a": 1 })).await;
    }
    // This body arrives over five seconds, but faster than the required minimum rate.
    time::sleep(Duration::from_secs(1)).await;
    let quick = async {
        let length = 60_000;
        let mut connection = send(&app, &format!("{PUT}content-length: {length}\r\n\r\n{{")).await;
        let filler = " ".repeat(length / 20);
        for _ in 0..19 {
            time::sleep(Duration::from_millis(250)).await;
            connection.write_all(filler.as_bytes()).await.unwrap();
        }
        let end = format!("{}}}", " ".repeat(length - 2 - 19 * filler.len()));
        connection.write_all(end.as_bytes()).await.unwrap();
        let mut status = [0; 13];
        connection.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 201 ");
    };
    let drop_by_drop = async {
        for mut connection in slow {
            let answer = rest(&mut connection).await.to_lowercase();
            assert!(answer.starts_with("http/1.1 408 "), "{answer}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    };
    tokio::join!(quick, drop_by_drop);
}

#[tokio::test]
async fn a_list_whose_client_does_not_read_takes_no_place_and_is_aborted() {
    let mut config = config();
    // At two requests in flight, one may be a list.
    config.max_in_flight = 2;
    config.stall_timeout = Duration::from_secs(2);
    let app = spawn_with(config, engine::start().await);
    fill(&app, 30, 300_000).await;
    let mut stalled = send(&app, "GET /picus/list HTTP/1.1\r\nhost: x\r\n\r\n").await;
    time::sleep(Duration::from_millis(500)).await;
    // This client reads slowly, but as fast as it must.
    let mut slow = send(&app, "GET /picus/list HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let reading = async {
        let mut taken = Vec::new();
        let mut piece = vec![0; 500_000];
        while !taken.ends_with(b"]\r\n0\r\n\r\n") {
            time::sleep(Duration::from_millis(10)).await;
            let length = slow.read(&mut piece).await.unwrap();
            assert!(
                length > 0,
                "{}",
                String::from_utf8_lossy(&taken[taken.len().saturating_sub(99)..])
            );
            taken.extend_from_slice(&piece[..length]);
            // It reads fast after 2 MB. Until then it was slow for longer than a client may stall.
            if taken.len() > 2_000_000 {
                piece.resize(5_000_000, 0);
            }
        }
    };
    let others = async {
        for _ in 0..50 {
            app.put(&json!({ "a": 1 })).await;
        }
        time::sleep(Duration::from_secs(4)).await;
        let text = rest(&mut stalled).await;
        assert!(text.starts_with("HTTP/1.1 200 "), "{}", &text[..text.len().min(99)]);
        assert!(!text.ends_with("0\r\n\r\n"), "an aborted list must not look complete");
    };
    tokio::join!(reading, others);
}

/// A proxy that forwards every call to DynamoDB except scans, which it never answers.
async fn without_scans(dynamodb: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(dynamodb).await.unwrap();
                let (mut sent, mut came) = (vec![0; 65_536], vec![0; 65_536]);
                loop {
                    tokio::select! {
                        Ok(length @ 1..) = client.read(&mut sent) => {
                            let text = String::from_utf8_lossy(&sent[..length]);
                            if text.contains("DynamoDB_20120810.Scan") {
                                return std::future::pending().await;
                            }
                            server.write_all(&sent[..length]).await.unwrap();
                        }
                        Ok(length @ 1..) = server.read(&mut came) => {
                            let _ = client.write_all(&came[..length]).await;
                        }
                        else => break,
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn slow_lists_leave_places_for_other_requests() {
    let mut config = config();
    config.max_in_flight = 8;
    let app = spawn_with(config, without_scans(engine::start().await).await);
    let mut lists = Vec::new();
    for n in 0..20 {
        let list = if n % 2 == 0 { "/picus/list" } else { "/picus/list?limit=10" };
        lists.push(send(&app, &format!("GET {list} HTTP/1.1\r\nhost: x\r\n\r\n")).await);
    }
    let refused = app.get_path("/picus/list").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, code, message) = failure(refused).await;
    assert_eq!((status, code.as_str()), (503, "overloaded"));
    assert!(message.contains("lists"), "{message}");
    for _ in 0..20 {
        let id = app.put(&json!({ "a": 1 })).await;
        assert_eq!(app.get(&id).await["a"], 1);
    }
}

#[tokio::test]
async fn a_request_without_room_in_memory_is_503_and_small_ones_succeed() {
    let mut config = config();
    config.max_bytes_in_flight = 1_200_000;
    let app = spawn_with(config, engine::start().await);
    let many = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(30_000));
    let long = json!({ "a": "x".repeat(390_000) }).to_string();
    for too_much in [&many, &long] {
        for key in [None, Some("key")] {
            let put = app.request(reqwest::Method::POST, "/picus/put");
            let put = put.header("content-type", "application/json").body(too_much.clone());
            let put = key.into_iter().fold(put, |put, key| put.header("idempotency-key", key));
            let refused = put.send().await.unwrap();
            let retry_after = refused.headers().get("retry-after").cloned();
            let (status, code, _) = failure(refused).await;
            assert_eq!((status, code.as_str()), (503, "overloaded"), "{key:?}");
            assert_eq!(retry_after.unwrap(), "1");
        }
        let id = app.put(&json!({ "a": 1 })).await;
        assert_eq!(app.get(&id).await["a"], 1);
    }
    // Refused items hold no memory: an item that just fits is accepted every time.
    let fits = json!({ "a": "x".repeat(100_000) });
    for _ in 0..10 {
        let id = app.put(&fits).await;
        assert_eq!(app.get(&id).await["a"], fits["a"]);
    }
}

#[tokio::test]
async fn a_list_of_large_items_is_read_in_pages_that_fit_in_memory() {
    let dynamodb = engine::start().await;
    fill(&spawn_with(config(), dynamodb), 30, 100_000).await;
    let mut config = config();
    config.max_bytes_in_flight = 1_500_000;
    let app = spawn_with(config, dynamodb);
    let list: Vec<Value> = app.get_path("/picus/list").await.json().await.unwrap();
    assert_eq!(list.len(), 30);
    let page = app.get_path("/picus/list?limit=20").await;
    assert!(page.headers()["link"].to_str().unwrap().contains("limit=20"));
    let page: Vec<Value> = page.json().await.unwrap();
    assert!((1..20).contains(&page.len()), "{}", page.len());
}

#[tokio::test]
async fn an_answer_of_dynamodb_without_room_in_memory_is_not_read() {
    let dynamodb = engine::start().await;
    let id = spawn_with(config(), dynamodb).put(&json!({ "a": vec![0; 30_000] })).await;
    let mut config = config();
    config.max_bytes_in_flight = 1_000_000;
    let app = spawn_with(config, dynamodb);
    let (status, code, _) = failure(app.get_path(&format!("/picus/get/{id}")).await).await;
    assert_eq!((status, code.as_str()), (503, "overloaded"));
    app.put(&json!({ "a": 1 })).await;
}

/// A DynamoDB that counts its connections.
async fn counting(count: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            open.push(connection);
        }
    });
    address
}

#[tokio::test]
async fn no_work_is_begun_for_a_client_that_has_left() {
    let mut config = config();
    config.max_connections = 1;
    let calls = Arc::new(AtomicUsize::new(0));
    let app = spawn_with(config, counting(calls.clone()).await);
    let first = TcpStream::connect(app.address).await.unwrap();
    // These connections wait to be accepted, and their clients leave before that.
    for request in [
        "GET /picus/get/x HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        "GET /picus/list HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        format!("{PUT}content-length: 2\r\n\r\n{{}}"),
    ] {
        drop(send(&app, &request).await);
    }
    drop(first);
    // When a later connection is accepted, all earlier ones have been.
    assert_eq!(app.get_path("/health").await.status(), 200);
    time::sleep(Duration::from_millis(300)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert!(has_place(&app).await);
}

#[tokio::test]
async fn unfinished_heads_count_towards_the_memory_limit() {
    let mut config = config();
    config.max_bytes_in_flight = 500_000;
    let app = spawn_with(config, engine::start().await);
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\na: {}", "x".repeat(100_000));
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(send(&app, &long).await);
    }
    let mut ended = 0;
    for connection in &mut open {
        let mut byte = [0];
        let reading = time::timeout(Duration::from_secs(1), connection.read(&mut byte));
        ended += usize::from(reading.await.is_ok());
    }
    assert!((10..20).contains(&ended), "{ended} of 20 found no room");
    drop(open);
    let all = async { while app.put_text("{}").await.status() != 201 {} };
    time::timeout(Duration::from_secs(5), all).await.unwrap();
}

#[tokio::test]
async fn idle_connections_are_closed_to_admit_new_ones() {
    let mut config = config();
    config.max_connections = 8;
    let app = spawn_with(config, engine::start().await);
    let mut kept = Vec::new();
    for n in 0..7 {
        // Every other connection has served a request.
        let mut connection = send(&app, if n % 2 == 0 { HEALTH } else { "" }).await;
        if n % 2 == 0 {
            let mut status = [0; 13];
            connection.read_exact(&mut status).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 200 ");
        }
        kept.push(connection);
    }
    // A connection with a request in flight stays open.
    let mut used = send(&app, &format!("{PUT}content-length: 2\r\n\r\n{{")).await;
    time::sleep(Duration::from_millis(1100)).await;
    let others = async {
        for _ in 0..20 {
            assert_eq!(app.get_path("/health").await.status(), 200);
        }
    };
    time::timeout(Duration::from_secs(5), others).await.unwrap();
    used.write_all(b"}").await.unwrap();
    let mut status = [0; 13];
    used.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 201 ");
}

#[tokio::test]
async fn responses_close_their_connection_when_there_are_many() {
    let mut config = config();
    config.max_connections = 8;
    let app = spawn_with(config, engine::start().await);
    let begun = format!("{PUT}content-length: 2\r\n\r\n{{");
    let mut used = vec![send(&app, &begun).await];
    assert!(!app.get_path("/health").await.headers().contains_key("connection"));
    for _ in 0..6 {
        used.push(send(&app, &begun).await);
    }
    let last = app.get_path("/health").await;
    assert_eq!(last.headers()["connection"], "close");
}
