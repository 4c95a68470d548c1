//! How spans are exported if the environment names a proxy.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::time;

use crate::program::{Running, exchange};

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The first line that arrives.
async fn first_line(listener: &TcpListener) -> String {
    let (connection, _) = listener.accept().await.unwrap();
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test]
async fn spans_use_the_proxy_except_to_a_collector_on_this_host() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("http://{}", proxy.local_addr().unwrap());
    let to_own = format!("http://{}", own.local_addr().unwrap());
    for (collector, listener, first) in [
        ("http://collector.example:4318", &proxy, "CONNECT collector.example:4318 HTTP/1.1\r\n"),
        (&to_own, &own, "POST /v1/traces HTTP/1.1\r\n"),
    ] {
        let running = Running::start(&[
            ("HTTP_PROXY", &through),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        ]);
        let head = format!("host: x\r\ntraceparent: {SAMPLED}\r\nconnection: close\r\n");
        let answer = exchange(running.addresses[0], &format!("GET / HTTP/1.1\r\n{head}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        let line = time::timeout(Duration::from_secs(20), first_line(listener)).await;
        assert_eq!(line.unwrap(), first);
    }
}
