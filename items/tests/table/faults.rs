//! What clients and the log are told when DynamoDB fails.

use std::error::Error as _;
use std::net::SocketAddr;

use picus_items::{Error, ErrorKind, IdempotencyKey, Key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::given::{a_table_at, item};

/// A server in DynamoDB's place that gives every request the same answer, or none.
async fn always(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            if let Some(answer) = &answer {
                let _ = connection.read(&mut [0; 4096]).await;
                let _ = connection.write_all(answer.as_bytes()).await;
            }
            open.push(connection);
        }
    });
    address
}

async fn get_from(answer: Option<String>) -> Error {
    let table = a_table_at(always(answer).await).await;
    let error = table.get(&Key::new("k").unwrap()).await.unwrap_err();
    assert!(error.source().is_some(), "the log needs the cause");
    error
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn throttling_has_its_own_error_without_dynamodbs_text() {
    const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"secret"}"#;
    let error = get_from(Some(answer("400 Bad Request", THROTTLED))).await;
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    assert!(!error.message().contains("secret"));
}

#[tokio::test]
async fn no_answer_is_a_passed_deadline() {
    assert_eq!(get_from(None).await.kind(), ErrorKind::DeadlineExceeded);
}

#[tokio::test]
async fn anything_else_is_internal() {
    let error = get_from(Some(answer("500 Internal Server Error", "{}"))).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::Internal, "Could not get item"));
}

#[tokio::test]
async fn an_item_that_can_not_be_compared_does_not_count_as_equal() {
    // DynamoDB says that an item with this id exists, but not which.
    const REFUSED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":""}"#;
    let table = a_table_at(always(Some(answer("400 Bad Request", REFUSED))).await).await;
    let key = IdempotencyKey::new("order-1").unwrap();
    let error = table.put(item("{}"), Some(&key)).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Internal, "Could not save item"));
    // Without an idempotency key the id is new, so only an earlier attempt of this put can have written it.
    assert!(table.put(item("{}"), None).await.is_ok());
}

#[tokio::test]
async fn a_call_names_picus_in_its_user_agent_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let table = a_table_at(listener.local_addr().unwrap()).await;
    tokio::spawn(async move { table.get(&Key::new("k").unwrap()).await });
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let read = connection.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
    let agents: Vec<_> = request.lines().filter(|line| line.contains("user-agent: ")).collect();
    assert_eq!(agents, [concat!("user-agent: picus/", env!("CARGO_PKG_VERSION"))], "{request}");
}

#[tokio::test]
async fn each_call_has_its_own_error_message() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let table = a_table_at(nobody).await;
    let key = Key::new("k").unwrap();
    let put = table.put(item("{}"), None).await.unwrap_err();
    assert_eq!(put.message(), "Could not save item");
    assert_eq!(table.get(&key).await.unwrap_err().message(), "Could not get item");
    assert_eq!(table.delete(&key).await.unwrap_err().message(), "Could not delete item");
    let guarded = table.delete_if(&key, |_| true).await.unwrap_err();
    assert_eq!(guarded.message(), "Could not delete item");
    let limit = picus_items::Limit::parse("1").unwrap();
    assert_eq!(table.page(limit, None).await.unwrap_err().message(), "Could not list items");
}
