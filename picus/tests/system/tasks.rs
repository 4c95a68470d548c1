//! Tasks that stop and die under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::given::{Client, options, send_signal, started};

/// Puts and gets items until `stop` is set. Checks and counts every response.
async fn load(client: Client, answers: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let id = client.put(&json!({ "n": 1 })).await;
        assert_eq!(client.get_status(&id).await, 200);
        answers.fetch_add(2, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_stopping_task_loses_no_request() {
    let mut options = options();
    options.tasks = 2;
    let (mut system, client) = started(options).await;
    let stop = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicUsize::new(0));
    let load = || tokio::spawn(load(client.clone(), answers.clone(), stop.clone()));
    let loads: Vec<_> = (0..4).map(|_| load()).collect();
    let fifty_more = async || {
        let enough = answers.load(Ordering::SeqCst) + 50;
        while answers.load(Ordering::SeqCst) < enough
            && loads.iter().all(|load| !load.is_finished())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    fifty_more().await;
    let ended_well = system.tasks_mut().remove(0).stop().await;
    fifty_more().await;
    stop.store(true, Ordering::SeqCst);
    for load in loads {
        load.await.expect("every response is right");
    }
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
    assert_eq!(client.delete("x").await.status(), 404, "the delete handler must go on");
    system.stop().await;
}
