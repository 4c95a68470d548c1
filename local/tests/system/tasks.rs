//! Tasks that come and go under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::given::{Client, options, send_signal, started};

/// Puts and gets items until told to stop; every answer must be right. Returns how many there were.
async fn load(client: Client, stop: Arc<AtomicBool>) -> usize {
    let mut answers = 0;
    while !stop.load(Ordering::SeqCst) {
        let id = client.put(&json!({ "n": answers })).await;
        assert_eq!(client.get_status(&id).await, 200);
        answers += 2;
    }
    answers
}

#[tokio::test]
async fn a_task_that_is_told_to_stop_loses_no_request() {
    let mut options = options();
    options.tasks = 2;
    let (mut system, client) = started(options).await;
    let stop = Arc::new(AtomicBool::new(false));
    let loads: Vec<_> = (0..4).map(|_| tokio::spawn(load(client.clone(), stop.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended_well = system.tasks_mut().remove(0).stop().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let mut answers = 0;
    for load in loads {
        answers += load.await.expect("every answer was right");
    }
    assert!(answers > 50, "{answers}");
    assert!(ended_well, "exit code 0 within its time");
    assert_eq!(system.group().healthy().len(), 1);
    system.stop().await;
}

#[tokio::test]
async fn a_task_that_dies_is_replaced() {
    let (system, client) = started(options()).await;
    let before = system.tasks()[0].running().await.unwrap();
    send_signal("KILL", &before.pid.to_string());
    while system.tasks()[0].running().await.is_none_or(|now| now.pid == before.pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.until_healthy().await;
    assert_eq!(client.get_path("/picus/list").await.status(), 200);
    system.stop().await;
}

#[tokio::test]
async fn without_a_healthy_task_the_load_balancer_answers_503() {
    let (mut system, client) = started(options()).await;
    system.tasks_mut().remove(0).stop().await;
    assert_eq!(client.get_path("/picus/list").await.status(), 503);
    assert_eq!(client.delete("x").await.status(), 404, "the delete handler is not concerned");
    system.stop().await;
}
