//! The connection to DynamoDB that is opened before the first call.

use std::time::Duration;

use picus_items::{Key, Settings, Table};
use picus_testing::engine::sdk_config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

async fn request(connection: &mut TcpStream) -> String {
    let mut request = vec![0; 4096];
    let read = connection.read(&mut request).await.unwrap();
    String::from_utf8_lossy(&request[..read]).to_lowercase()
}

async fn a_patient_table(listener: &TcpListener) -> Table {
    let day = Duration::from_hours(24);
    let settings = Settings { attempt_timeout: day, operation_timeout: day, ..Settings::default() };
    Table::new(&sdk_config(listener.local_addr().unwrap()).await, &settings)
}

#[tokio::test]
async fn the_first_call_uses_a_connection_that_was_opened_without_a_permission() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let table = a_patient_table(&listener).await;
    let calls = async {
        table.warm(Duration::from_hours(1)).await;
        table.get(&Key::new("k").unwrap()).await
    };
    let dynamodb = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let first = request(&mut connection).await;
        assert!(first.starts_with("get / http/1.1\r\n"), "{first}");
        assert!(!first.contains("authorization") && !first.contains("x-amz-"), "{first}");
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nhealthy").await.unwrap();
        let second = request(&mut connection).await;
        assert!(second.starts_with("post / ") && second.contains(".getitem"), "{second}");
        let item = r#"{"Item":{"object_id":{"S":"k"}}}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{item}", item.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    };
    let both = Box::pin(async { tokio::join!(calls, dynamodb) });
    let (item, ()) = time::timeout(Duration::from_secs(10), both).await.unwrap();
    item.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let table = a_patient_table(&listener).await;
    let warm = table.warm(Duration::from_millis(1));
    time::timeout(Duration::from_secs(10), warm).await.unwrap();
}
