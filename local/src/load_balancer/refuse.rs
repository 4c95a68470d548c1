//! Requests that the load balancer refuses before any rule ("Troubleshoot your Application Load Balancers"; RFC 9112,
//! 3.2 and 6.1).

use std::net::Ipv6Addr;

use hyper::header::{HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};

/// The status of the refusal, if there is one. A host in the target replaces the `Host` header.
pub(super) fn refusal<B>(request: &mut Request<B>) -> Option<StatusCode> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let is_missing = first.is_none() && request.version() >= Version::HTTP_11;
    if is_missing || second.is_some() || first.is_some_and(|host| !is_host(host.as_bytes())) {
        return Some(StatusCode::BAD_REQUEST);
    }
    if !are_codings_known(request.headers()) {
        return Some(StatusCode::NOT_IMPLEMENTED);
    }
    if let Some(authority) = request.uri().authority() {
        if !is_host(authority.as_str().as_bytes()) {
            return Some(StatusCode::BAD_REQUEST);
        }
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            request.headers_mut().insert(HOST, host);
        }
    }
    None
}

/// A target without authority has an empty one (RFC 9110, 7.2).
fn is_host(value: &[u8]) -> bool {
    if value.is_empty() {
        return true;
    }
    let Ok(authority) = Authority::try_from(value) else { return false };
    let (host, all) = (authority.host(), authority.as_str());
    // A user or a password is not allowed.
    let Some(port) = all.strip_prefix(host) else { return false };
    let port_is_valid = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    port_is_valid && literal.is_none_or(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn are_codings_known(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TRANSFER_ENCODING).iter();
    values.map(HeaderValue::to_str).all(|value| {
        value.is_ok_and(|value| {
            value.split(',').map(str::trim).all(|coding| {
                ["chunked", "identity"].iter().any(|known| coding.eq_ignore_ascii_case(known))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(version: Version, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().version(version).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&mut request.body(()).unwrap()).map(|status| status.as_u16())
    }

    #[test]
    fn a_request_needs_one_valid_host_unless_it_is_http_1_0() {
        for host in ["a", "", "a.example:80", "[::1]:80", "192.0.2.1", "a:"] {
            assert_eq!(refused(Version::HTTP_11, &[("host", host)]), None, "{host}");
        }
        for host in ["a b", "a/b", "a:b", "x@y", "a:80:90", "[::1", "[a]", "a?b", "[::1]x"] {
            assert_eq!(refused(Version::HTTP_11, &[("host", host)]), Some(400), "{host}");
            assert_eq!(refused(Version::HTTP_10, &[("host", host)]), Some(400), "{host}");
        }
        assert_eq!(refused(Version::HTTP_11, &[]), Some(400));
        assert_eq!(refused(Version::HTTP_10, &[]), None);
        assert_eq!(refused(Version::HTTP_11, &[("host", "a"), ("host", "a")]), Some(400));
    }

    #[test]
    fn an_unknown_transfer_coding_is_501() {
        let with =
            |coding| refused(Version::HTTP_11, &[("host", "a"), ("transfer-encoding", coding)]);
        assert_eq!((with("chunked"), with("Identity, Chunked")), (None, None));
        assert_eq!((with("gzip, chunked"), with("gzip")), (Some(501), Some(501)));
    }

    #[test]
    fn the_host_of_an_absolute_target_replaces_the_header() {
        let mut request =
            Request::builder().uri("http://a:80?limit=1").header("host", "b").body(()).unwrap();
        assert_eq!(refusal(&mut request), None);
        assert_eq!(request.headers()[HOST], "a:80");
        let user = Request::builder().uri("http://u@a/").header("host", "b").body(());
        assert_eq!(refusal(&mut user.unwrap()), Some(StatusCode::BAD_REQUEST));
    }
}
