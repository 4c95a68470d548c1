//! Malformed and unusual requests: which the load balancer refuses, and which it forwards.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::given::{options, started};

async fn exchange(address: SocketAddr, sent: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = connection.read_to_end(&mut answer);
    // The connection may be reset if the request was not read to its end.
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn malformed_requests_reach_no_target_and_unusual_ones_do() {
    let (system, _) = started(options()).await;
    let end = "connection: close\r\n\r\n";
    for (refused, status) in [
        ("GET /health HTTP/1.1\r\n", "400"),
        ("GET /health HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400"),
        ("GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "400"),
        ("GET /health HTTP/1.1\r\nhost: a b\r\n", "400"),
        ("GET /health HTTP/1.1\r\nhost: a/b\r\n", "400"),
        ("GET /health HTTP/1.0\r\nhost: a:b\r\n", "400"),
        ("GET http://u@a/health HTTP/1.1\r\nhost: a\r\n", "400"),
        ("GET * HTTP/1.1\r\nhost: a\r\n", "400"),
        ("POST /picus/put HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n", "501"),
        ("DELETE /picus/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n", "501"),
        ("DELETE /picus/a HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400"),
    ] {
        let answer = exchange(system.address(), &format!("{refused}{end}")).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{refused}: {answer}");
        assert!(
            answer.to_lowercase().contains("\r\nserver: awselb/2.0\r\n"),
            "{refused}: {answer}"
        );
    }
    for (taken, part) in [
        ("GET /health HTTP/1.0\r\n", "healthy"),
        ("GET /health HTTP/1.1\r\nhost: [::1]:80\r\n", "healthy"),
        ("GET http://a/health HTTP/1.1\r\nhost: b\r\n", "healthy"),
        // The root, with a query.
        ("GET http://a?limit=1 HTTP/1.1\r\nhost: a\r\n", "\"code\":\"unknown_path\""),
        ("GET http://a/picus/list?limit=0 HTTP/1.1\r\nhost: a\r\n", "\"code\":\"invalid_limit\""),
        ("GET http://a HTTP/1.1\r\nhost: a\r\n", "\"code\":\"unknown_path\""),
        ("DELETE http://a/picus/b?c HTTP/1.1\r\nhost: a\r\n", "\"code\":\"item_not_found\""),
    ] {
        let answer = exchange(system.address(), &format!("{taken}{end}")).await;
        assert!(answer.contains(part), "{taken}: {answer}");
    }
    system.stop().await;
}
