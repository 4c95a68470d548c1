//! Stopping without losing a request.

use serde_json::json;
use tokio::net::TcpStream;

use crate::app::spawn_app;

#[tokio::test]
async fn a_list_in_flight_is_sent_to_its_end_after_the_signal_to_stop() {
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
