//! The service's memory stays bounded, whatever clients send and however large DynamoDB's answers are.

use std::time::Duration;

use picus_testing::heavy;
use tokio::time;

use crate::program::Running;

/// A task has 512 MB, of which the collector may use 150.
const MOST: u64 = 200_000_000;

/// The process's peak memory, in bytes: `VmHWM` of proc(5).
#[cfg(target_os = "linux")]
fn most_memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_makes_the_service_use_more_than_200_megabytes() {
    let dynamodb = format!("http://{}", heavy::dynamodb().await);
    let running = Running::start(&[
        ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
        ("PICUS_WORKERS", "2"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
    ]);
    let [address, _] = running.addresses;
    for storm in heavy::storms() {
        heavy::send(address, &storm, Duration::from_secs(2)).await;
        let (what, most) = (storm.what, most_memory(running.id()));
        eprintln!("{what}: {} MB", most / 1_000_000);
        assert!(most < MOST, "{what}: {most} bytes");
    }
    // The memory that requests held is free again.
    let small = async {
        loop {
            let refused = crate::program::exchange(address, &heavy::get("/picus/list?limit=0"));
            let made = crate::program::exchange(address, &heavy::put("no item"));
            if refused.starts_with("HTTP/1.1 400 ") && made.starts_with("HTTP/1.1 400 ") {
                break;
            }
        }
    };
    time::timeout(Duration::from_secs(20), small).await.unwrap();
}
