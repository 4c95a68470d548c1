//! When the service closes a connection, and that the response announces it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time;

use crate::app::{config, spawn_app, spawn_with};
use picus_testing::engine;

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
const PUT: &str = "POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// Sends the parts one after the other, and reads until the service closes the connection.
async fn exchange(address: SocketAddr, sent: &[&str]) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    for part in sent {
        connection.write_all(part.as_bytes()).await.unwrap();
        // A pause, so that the service reads each part separately.
        time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = Vec::new();
    let reading = connection.read_to_end(&mut answer);
    // The service may reset the connection if it did not read the whole request.
    let _ = time::timeout(Duration::from_secs(10), reading).await.expect("it ends");
    String::from_utf8(answer).unwrap()
}

/// The heads of the responses in `text`, in lower case.
fn heads(text: &str) -> Vec<String> {
    let parts = text.split("HTTP/1.1 ").skip(1);
    parts.map(|part| part.split("\r\n\r\n").next().unwrap().to_lowercase()).collect()
}

fn says_close(head: &str) -> bool {
    head.lines().any(|line| line == "connection: close")
}

#[tokio::test]
async fn a_response_that_closes_its_connection_says_so() {
    let app = spawn_app().await;
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\na: {}", "x".repeat(140_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(100));
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
    let chunked = format!("{PUT}transfer-encoding: chunked\r\n\r\n");
    let early = "POST /nope HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    for (broken, status) in [
        (&["BAD\r\n\r\n"][..], "400"),
        (&["GET /health HTTP/1.1\r\n\r\n"], "400"),
        (&["GET /health HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n"], "400"),
        (&[&path], "400"),
        (&[&long], "431"),
        (&[&many], "431"),
        (&[&chunked, "zz\r\n"], "400"),
        (&[early, "zz\r\n"], "404"),
        (&[early, "1\r\nx\r\n0\r\n\r\n"], "404"),
        (&[&format!("{PUT}content-length: 2000000\r\n\r\n"), "x"], "413"),
        (&["POST /picus/put HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"], "415"),
    ] {
        // The broken request follows a good one on the same connection: first after a pause, then in the same
        // packet.
        let pipelined = format!("{HEALTH}{}", broken[0]);
        for sent in [[&[HEALTH], broken].concat(), [&[&*pipelined], &broken[1..]].concat()] {
            let answer = exchange(app.address, &sent).await;
            let heads = heads(&answer);
            assert_eq!(heads.len(), 2, "{status}: {answer}");
            assert!(heads[0].starts_with("200 ") && !says_close(&heads[0]), "{answer}");
            assert!(heads[1].starts_with(status) && says_close(&heads[1]), "{status}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_post_that_offers_an_upgrade_is_served_as_a_post() {
    let app = spawn_app().await;
    for offer in [
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n",
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
    ] {
        // The bytes after the body are neither part of it nor a second request, which would allow request
        // smuggling.
        let put = format!("{PUT}{offer}content-length: 8\r\n\r\n{{\"a\": 1}}{HEALTH}");
        let answer = exchange(app.address, &[&put]).await;
        let heads = heads(&answer);
        assert!(heads[0].starts_with("201 "), "{offer}: {answer}");
        assert_eq!(heads.len(), 1, "{offer}: {answer}");
        assert!(says_close(&heads[0]), "{offer}: {answer}");
        let empty = format!("{PUT}{offer}content-length: 0\r\n\r\n");
        assert!(exchange(app.address, &[&empty]).await.starts_with("HTTP/1.1 400 "), "{offer}");
        let chunked = format!(
            "{PUT}{offer}connection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        );
        assert!(exchange(app.address, &[&chunked]).await.starts_with("HTTP/1.1 201 "), "{offer}");
    }
    let get =
        "GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let answer = exchange(app.address, &[get]).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && says_close(&heads(&answer)[0]), "{answer}");
}

#[tokio::test]
async fn an_invalid_host_is_400_and_any_valid_host_is_accepted() {
    let app = spawn_app().await;
    let ask = async |host: &str| {
        let get = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        exchange(app.address, &[&get]).await
    };
    for host in ["a b", "a/b", "a:b", "x@y", "a:80:90", "[::1", "a%2"] {
        let answer = ask(host).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
        assert!(answer.contains("\"code\":\"bad_request\""), "{host}: {answer}");
        assert!(answer.to_lowercase().contains("\r\nx-request-id: "), "{host}: {answer}");
    }
    for host in ["", "a", "a.example:80", "[::1]:80", "192.0.2.1"] {
        assert!(ask(host).await.starts_with("HTTP/1.1 200 "), "{host}");
    }
    let old = exchange(app.address, &["GET /health HTTP/1.0\r\n\r\n"]).await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

/// Sends `each` again and again until the connection ends. Returns the bytes sent and the time it took.
async fn send_without_end(address: SocketAddr, head: &str, each: &[u8]) -> (usize, Duration) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = connection.split();
    let begun = Instant::now();
    let mut answer = Vec::new();
    let mut sent = 0;
    let sending = async {
        while writer.write_all(each).await.is_ok() {
            sent += each.len();
            // Small pieces are sent slowly.
            let pause = if each.len() < 100 { 20 } else { 0 };
            time::sleep(Duration::from_millis(pause)).await;
        }
    };
    let ended = async { tokio::join!(sending, reader.read_to_end(&mut answer)) };
    let ((), read) = time::timeout(Duration::from_secs(30), ended).await.expect("it ends");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 "),
        "the client did not get a response: {answer} ({read:?})"
    );
    assert!(says_close(&heads(&answer)[0]), "{answer}");
    (sent, begun.elapsed())
}

#[tokio::test]
async fn an_unwanted_body_is_read_for_a_bounded_time_and_size() {
    let mut config = config();
    config.client_timeout = Duration::from_secs(1);
    let app = &spawn_with(config, engine::start().await);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    let plain = "x".repeat(65_536);
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    let length = "content-length: 999999999999\r\n\r\n";
    let mut tries = Vec::new();
    for (line, media_type) in [
        ("POST /nope", ""),
        ("GET /health", ""),
        ("DELETE /picus/put", ""),
        ("POST /picus/put", ""),
        ("POST /picus/put", "content-type: application/json\r\n"),
    ] {
        for (framing, flood, drop) in [(chunked, &chunk, "1\r\nx\r\n"), (length, &plain, "x")] {
            let head = format!("{line} HTTP/1.1\r\nhost: x\r\n{media_type}{framing}");
            tries.push(async move {
                let (sent, took) = send_without_end(app.address, &head, flood.as_bytes()).await;
                // The kernel's buffers on both ends may hold tens of megabytes. Without the limit, the service
                // reads hundreds.
                assert!(sent < 64_000_000, "{head}: {sent} bytes in {took:?}");
                let (_, took) = send_without_end(app.address, &head, drop.as_bytes()).await;
                assert!(took < Duration::from_secs(10), "{head}: {took:?}");
                let begun = Instant::now();
                exchange(app.address, &[&head]).await;
                assert!(begun.elapsed() < Duration::from_secs(10), "{head}: silence");
            });
        }
    }
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn a_slow_response_is_completed_although_the_body_was_not_read() {
    let app = spawn_app().await;
    let filler = "x".repeat(300_000);
    for _ in 0..30 {
        app.put(&serde_json::json!({ "filler": filler })).await;
    }
    for framing in ["content-length: 2\r\n\r\n", "transfer-encoding: chunked\r\n\r\n2\r\n"] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(65_536).unwrap();
        let mut connection = socket.connect(app.address).await.unwrap();
        let list = format!("GET /picus/list HTTP/1.1\r\nhost: x\r\n{framing}{{");
        connection.write_all(list.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1000];
        connection.read_exact(&mut answer).await.unwrap();
        // Longer than the service drains a body.
        time::sleep(Duration::from_millis(2500)).await;
        let reading = connection.read_to_end(&mut answer);
        let _ = time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.len() > 30 * filler.len(), "{}", answer.len());
        assert!(answer.ends_with("]\r\n0\r\n\r\n"), "{framing}: {}", &answer[answer.len() - 50..]);
    }
}

#[tokio::test]
async fn requests_pipelined_after_a_close_are_not_performed() {
    let app = spawn_app().await;
    for option in ["close", "upgrade"] {
        let put = format!("{PUT}content-length: 2\r\n\r\n{{}}");
        let get = format!("GET /picus/get/x HTTP/1.1\r\nhost: x\r\nconnection: {option}\r\n\r\n");
        let answer = exchange(app.address, &[&format!("{get}{put}{put}")]).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && heads(&answer).len() == 1, "{answer}");
    }
    assert_eq!(app.get_path("/picus/list").await.text().await.unwrap(), "[]");
}

#[tokio::test]
async fn an_idle_connection_stays_open_but_a_head_must_arrive_in_time() {
    let mut config = config();
    config.client_timeout = Duration::from_secs(3);
    let app = spawn_with(config, engine::start().await);
    let mut connection = TcpStream::connect(app.address).await.unwrap();
    let mut piece = [0; 4096];
    // In total this takes longer than one head may take.
    for _ in 0..4 {
        connection.write_all(&HEALTH.as_bytes()[..20]).await.unwrap();
        time::sleep(Duration::from_millis(900)).await;
        connection.write_all(&HEALTH.as_bytes()[20..]).await.unwrap();
        assert!(connection.read(&mut piece).await.unwrap() > 0);
    }
    time::sleep(Duration::from_millis(3500)).await;
    connection.write_all(HEALTH.as_bytes()).await.unwrap();
    assert!(connection.read(&mut piece).await.unwrap() > 0, "an idle connection is kept");
    let begun = Instant::now();
    connection.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
    let (mut reader, mut writer) = connection.split();
    let trickle = async {
        while writer.write_all(b"a: b\r\n").await.is_ok() {
            time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ended = async {
        // The connection may be reset.
        while reader.read(&mut piece).await.is_ok_and(|length| length > 0) {}
    };
    let both = async {
        tokio::select! {
            () = trickle => {}
            () = ended => {}
        }
    };
    time::timeout(Duration::from_secs(15), both).await.expect("it ends");
    assert!(begun.elapsed() >= Duration::from_millis(2500), "{:?}", begun.elapsed());
}
