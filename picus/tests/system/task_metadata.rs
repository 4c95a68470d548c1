//! Serves the task metadata that ECS offers to each container, version 4, as far as collector and service read
//! it (Amazon ECS Developer Guide, "Task metadata available for Amazon ECS tasks on Fargate").

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

pub(crate) const TASK_ID: &str = "158d1c8083dd49d6b527399fd6414f5c";

/// Serves the metadata for the container `name`, until the test ends.
pub(crate) async fn serve(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let of_task = request[..length].starts_with(b"GET /task ");
            let body = if of_task { task() } else { container(name) }.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            // The client may have gone.
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    address
}

fn task() -> Value {
    json!({
        "Cluster": "picus-cluster",
        "TaskARN": format!("arn:aws:ecs:eu-central-1:123456789012:task/picus-cluster/{TASK_ID}"),
        "Family": "picus-task-definition",
        "Revision": "7",
        "LaunchType": "FARGATE",
        "AvailabilityZone": "eu-central-1a",
        "Containers": [container("service"), container("otel-collector")],
    })
}

fn container(name: &str) -> Value {
    json!({
        "DockerId": format!("{TASK_ID}-{name}"),
        "Name": name,
        "Type": "NORMAL",
        "KnownStatus": "RUNNING",
        "LogDriver": "awslogs",
        "LogOptions": {
            "awslogs-group": "/ecs/picus-service",
            "awslogs-region": "eu-central-1",
            "awslogs-stream": format!("{name}/{TASK_ID}"),
        },
    })
}
