//! The headers that the load balancer passes on ("HTTP headers and Application Load Balancers", "Request tracing for
//! your Application Load Balancer").

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use uuid::Uuid;

const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Prepares a client's headers for a target.
pub(super) fn prepare(headers: &mut HeaderMap, client: SocketAddr, port: u16) {
    remove_hop_by_hop(headers);
    // Several lines are one list (RFC 9110, 5.3).
    let before = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    let client = client.ip().to_string();
    let forwarded_for = before.chain([client.as_bytes()]).collect::<Vec<_>>().join(&b", "[..]);
    let trace = trace(trace_of(headers));
    set(headers, X_FORWARDED_FOR, &forwarded_for);
    set(headers, X_FORWARDED_PROTO, b"http");
    set(headers, X_FORWARDED_PORT, port.to_string().as_bytes());
    set(headers, X_AMZN_TRACE_ID, trace.as_bytes());
}

/// The request's trace, as AWS writes it.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(X_AMZN_TRACE_ID).and_then(|value| value.to_str().ok())
}

/// Removes headers whose names have other characters than letters, digits and hyphens.
pub(super) fn drop_invalid(headers: &mut HeaderMap) {
    let is_invalid = |name: &&HeaderName| {
        !name.as_str().chars().all(|letter| letter == '-' || letter.is_ascii_alphanumeric())
    };
    let invalid: Vec<_> = headers.keys().filter(is_invalid).cloned().collect();
    for name in invalid {
        headers.remove(name);
    }
}

/// Removes headers that concern only one connection (RFC 9110, 7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in named.into_iter().chain(always) {
        headers.remove(name);
    }
}

/// Adds a root if there is none. If there is one, adds the load balancer's own part before it. AWS does not document
/// any check of a client's root. A bad root is passed on, and the programs refuse it.
fn trace(given: Option<&str>) -> String {
    let has_root =
        |given: &str| given.split(';').any(|field| field.trim_start().starts_with("Root="));
    match given {
        Some(given) if has_root(given) => {
            let others = given.split(';').filter(|field| !field.trim_start().starts_with("Self="));
            format!("Self={};{}", new_id(), others.collect::<Vec<_>>().join(";"))
        }
        Some(given) if !given.is_empty() => format!("Root={};{given}", new_id()),
        _ => format!("Root={}", new_id()),
    }
}

pub(super) fn new_id() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("1-{seconds:08x}-{:.24}", Uuid::new_v4().simple().to_string())
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    // Always valid: it consists of valid headers and digits.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(given: &[(&'static str, &str)]) -> HeaderMap {
        let entries = given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers: HeaderMap = entries.collect();
        prepare(&mut headers, "192.0.2.7:5000".parse().unwrap(), 8080);
        headers
    }

    #[test]
    fn the_client_is_added_at_the_end_of_x_forwarded_for() {
        assert_eq!(prepared(&[])["x-forwarded-for"], "192.0.2.7");
        let headers =
            prepared(&[("x-forwarded-for", "203.0.113.1"), ("x-forwarded-proto", "https")]);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.1, 192.0.2.7");
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.1"));
        headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff").unwrap());
        prepare(&mut headers, "192.0.2.7:5000".parse().unwrap(), 8080);
        let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        assert_eq!(lines, [&b"203.0.113.1, \xff, 192.0.2.7"[..]]);
        assert_eq!(
            (&headers["x-forwarded-proto"], &headers["x-forwarded-port"]),
            (&"http".parse().unwrap(), &"8080".parse().unwrap())
        );
    }

    #[test]
    fn a_request_without_a_trace_gets_only_a_root() {
        let headers = prepared(&[]);
        let trace = headers["x-amzn-trace-id"].to_str().unwrap().to_owned();
        assert!(
            trace.starts_with("Root=1-") && trace.len() == 40 && !trace.contains(';'),
            "{trace}"
        );
    }

    #[test]
    fn a_root_is_kept() {
        let root = "Root=1-67891233-abcdef012345678912345678";
        let headers = prepared(&[("x-amzn-trace-id", &format!("Self=1-0-0;{root};Sampled=1"))]);
        let trace = headers["x-amzn-trace-id"].to_str().unwrap();
        assert!(
            trace.starts_with("Self=1-") && trace.ends_with(&format!(";{root};Sampled=1")),
            "{trace}"
        );
        assert_eq!(trace.matches("Self=").count(), 1, "{trace}");
        for others in ["CalledFrom=app", "MyRoot=1"] {
            let headers = prepared(&[("x-amzn-trace-id", others)]);
            let trace = headers["x-amzn-trace-id"].to_str().unwrap();
            assert!(
                trace.starts_with("Root=1-") && trace.ends_with(&format!(";{others}")),
                "{trace}"
            );
        }
    }

    #[test]
    fn a_header_name_with_other_characters_is_dropped() {
        let mut headers = HeaderMap::new();
        for name in ["x_a", "x-a", "x.b", "x!", "a1"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        drop_invalid(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["a1", "x-a"]);
    }

    #[test]
    fn hop_by_hop_headers_are_not_forwarded() {
        let headers = prepared(&[
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ]);
        assert!(
            !headers.contains_key("x-secret")
                && !headers.contains_key("connection")
                && !headers.contains_key("te")
        );
        assert!(headers.contains_key("accept"));
    }
}
