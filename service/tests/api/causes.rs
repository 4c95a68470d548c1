//! The causes of failed calls to DynamoDB. Each cause that an operator must treat differently has its own name,
//! which is the same in the access line and in the metrics.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::program::{Running, exchange};

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")];

/// A server that gives every request this answer, or none.
fn always(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            if let Some(answer) = &answer {
                let _ = connection.read(&mut [0; 8192]);
                let _ = connection.write_all(answer.as_bytes());
            }
            open.push(connection);
        }
    });
    address
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Gets an item in this environment. Checks that the access line and the metrics name the cause `error_type`.
fn assert_cause(environment: &[(&str, &str)], error_type: &str) {
    let mut running = Running::start(environment);
    let [address, metrics] = running.addresses;
    let response = exchange(address, "GET /picus/get/x HTTP/1.0\r\n\r\n");
    assert!(response.contains(r#""error":"Could not get item"#), "{response}");
    let line = running.line(|line| line["message"] == "request");
    let chain = line["exception.message"].as_str().unwrap();
    let word = chain.split(": ").nth(1);
    assert_eq!(word, Some(error_type), "{chain}");
    let scrape = exchange(metrics, "GET /metrics HTTP/1.0\r\n\r\n");
    let counted = scrape.lines().any(|line| {
        line.starts_with("db_client_operation_duration_seconds_count{")
            && line.contains(&format!("error_type=\"{error_type}\""))
    });
    assert!(counted, "{scrape}");
}

#[test]
fn missing_credentials_are_not_reported_as_a_network_error() {
    let dynamodb = format!("http://{}", nobody());
    let expired = r#"{"AccessKeyId":"id","SecretAccessKey":"key","Token":"t","Expiration":"#;
    for endpoint in [
        nobody(),
        always(None),
        always(Some(answer("403 Forbidden", r#"{"code":"AccessDenied","message":"no"}"#))),
        always(Some(answer("200 OK", &format!("{expired}\"yesterday\"}}")))),
    ] {
        let endpoint = format!("http://{endpoint}/credentials");
        let environment = [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.as_str()),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint),
        ];
        assert_cause(&environment, "credentials");
    }
}

#[test]
fn refused_credentials_and_refused_permissions_are_told_apart() {
    for (code, error_type) in [
        ("com.amazon.coral.service#ExpiredTokenException", "credentials"),
        ("com.amazon.coral.service#UnrecognizedClientException", "credentials"),
        ("com.amazon.coral.service#InvalidSignatureException", "credentials"),
        ("com.amazon.coral.service#AccessDeniedException", "access_denied"),
        ("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "service"),
    ] {
        let body = format!(r#"{{"__type":"{code}","message":"m"}}"#);
        let dynamodb = format!("http://{}", always(Some(answer("400 Bad Request", &body))));
        let [id, key] = KEYS;
        assert_cause(&[("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb), id, key], error_type);
    }
}

#[test]
fn dns_and_tls_errors_are_told_apart_from_connection_errors() {
    let no_tls = format!("https://{}", always(Some(answer("400 Bad Request", "{}"))));
    let closed = format!("http://{}", nobody());
    for (dynamodb, error_type) in [
        // No name under `invalid` has an address (RFC 6761, 6.4).
        ("https://dynamodb.invalid", "dns"),
        (no_tls.as_str(), "tls"),
        (closed.as_str(), "connection"),
    ] {
        let [id, key] = KEYS;
        assert_cause(&[("AWS_ENDPOINT_URL_DYNAMODB", dynamodb), id, key], error_type);
    }
}
