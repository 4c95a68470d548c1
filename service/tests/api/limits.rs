//! The limits on items, on time and on requests in flight.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{App, config, failure, spawn_app, spawn_with};

/// A DynamoDB that accepts connections and never answers.
async fn silence() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    address
}

#[tokio::test]
async fn an_item_over_400_kilobytes_and_a_larger_body_are_413() {
    let app = spawn_app().await;
    let (status, code, _) =
        failure(app.put_text(format!("{{\"a\":\"{}\"}}", "x".repeat(409_600))).await).await;
    assert_eq!((status, code.as_str()), (413, "item_too_large"));
    let (status, code, _) = failure(app.put_text(" ".repeat(1_638_401)).await).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    // The same without a `Content-Length`.
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(" ".repeat(100_000)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_eq!(failure(app.put_text(body).await).await.0, 413);
    let escaped = format!("{{\"a\":\"{}\"}}", "\\u0061".repeat(200_000));
    assert_eq!(app.put_text(escaped).await.status(), 201, "only the size in DynamoDB counts");
}

/// Sends a request that stays in flight until the connection is dropped.
async fn a_request_in_flight(app: &App) -> TcpStream {
    let mut connection = TcpStream::connect(app.address).await.unwrap();
    connection.write_all(b"GET /picus/get/x HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    while has_place(app).await {}
    connection
}

/// Whether the service accepts another request. It answers an invalid body with 400 if there is a place, and
/// with 503 if not.
pub(crate) async fn has_place(app: &App) -> bool {
    let status = app.put_text("no item").await.status().as_u16();
    assert!(matches!(status, 400 | 503), "{status}");
    status == 400
}

#[tokio::test]
async fn too_many_requests_in_flight_are_503_and_health_is_exempt() {
    let mut config = config();
    config.max_in_flight = 1;
    let app = spawn_with(config, silence().await);
    let _in_flight = a_request_in_flight(&app).await;
    let shed = app.get_path("/picus/get/y").await;
    assert_eq!(shed.headers()["retry-after"], "1");
    let (status, code, _) = failure(shed).await;
    assert_eq!((status, code.as_str()), (503, "overloaded"));
    assert_eq!(app.get_path("/health").await.status(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_room() {
    let mut config = config();
    config.max_in_flight = 1;
    config.table.attempt_timeout = Duration::from_mins(1);
    config.table.operation_timeout = Duration::from_mins(1);
    config.request_timeout = Duration::from_mins(1);
    let app = spawn_with(config, silence().await);
    drop(a_request_in_flight(&app).await);
    let freed = async { while !has_place(&app).await {} };
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
    let series = r#"http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/picus/get/{key}"}"#;
    let counted = async { while !app.scrape().await.contains(series) {} };
    tokio::time::timeout(Duration::from_secs(5), counted).await.unwrap();
}

#[tokio::test]
async fn a_passed_deadline_is_504() {
    let mut config = config();
    config.request_timeout = Duration::from_millis(100);
    let app = spawn_with(config, silence().await);
    let (status, code, _) = failure(app.get_path("/picus/get/x").await).await;
    assert_eq!((status, code.as_str()), (504, "deadline_exceeded"));
    let mut config = crate::app::config();
    config.table.attempt_timeout = Duration::from_millis(50);
    config.table.operation_timeout = Duration::from_millis(100);
    let app = spawn_with(config, silence().await);
    let (status, code, _) = failure(app.get_path("/picus/get/x").await).await;
    assert_eq!((status, code.as_str()), (504, "deadline_exceeded"));
}

#[tokio::test]
async fn a_client_that_sends_slowly_is_disconnected() {
    let mut config = config();
    config.client_timeout = Duration::from_millis(200);
    let app = spawn_with(config, silence().await);
    let head = "POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    for (sent, expected) in [(head, "HTTP/1.1 408"), ("GET /health HTT", "HTTP/1.1 408")] {
        let mut connection = TcpStream::connect(app.address).await.unwrap();
        connection.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{sent:?} got {answer:?}");
    }
}
