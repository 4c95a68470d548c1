//! What the service takes up in memory, whatever is sent to it and however large DynamoDB's answers are.

use std::time::Duration;

use picus_testing::heavy;
use tokio::time;

use crate::program::Running;

/// A task has 512 MB, of which the collector has up to 150.
const MOST: u64 = 200_000_000;

/// The most that a process has had so far, in bytes (proc(5)).
#[cfg(target_os = "linux")]
fn most_memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_takes_up_more_than_two_hundred_megabytes() {
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
    // What was held is free again.
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
