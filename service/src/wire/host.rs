//! Checks the `Host` of a request.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use picus_api::{Code, Error};

use crate::error;

/// Refuses a request with an invalid `Host` (RFC 9112, 3.2). The HTTP library has refused requests with none or two.
/// It runs within the edge, which writes the response.
pub(crate) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.headers().get_all(HOST).all(|host| is_valid(host.as_bytes())) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refused = request.request().clone();
    let error = Error::new(Code::BadRequest, "Host must be a host, or a host and a port");
    Ok(ServiceResponse::from_err(error::Error(error), refused).map_into_right_body())
}

/// Whether this is a host with or without a port (RFC 9110, 7.2; RFC 3986, 3.2.2). It may be empty, for a target
/// without authority.
fn is_valid(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', literal @ ..] => {
            let Some(end) = literal.iter().position(|byte| *byte == b']') else { return false };
            if !is_ip_literal(&literal[..end]) {
                return false;
            }
            (&b""[..], &literal[end + 1..])
        }
        _ => value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len())),
    };
    is_name(host)
        && (port.is_empty() || (port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit)))
}

/// A name or an IPv4 address: unreserved characters, sub-delimiters, and percent-encoded bytes.
fn is_name(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let valid = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(u8::is_ascii_hexdigit)),
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte),
        };
        if !valid {
            return false;
        }
    }
    true
}

/// An IPv6 address, or an address of a future version.
fn is_ip_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else { return false };
        return !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(|byte| byte == b':' || is_name(&[byte]));
    }
    text.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_a_port() {
        for valid in [
            "",
            "a",
            "a.example",
            "A-1_b~",
            "192.0.2.1:8080",
            "a:",
            "[::1]",
            "[::1]:80",
            "a%20b",
            "[v1.fe:x]",
            "[2001:db8::192.0.2.1]:1",
            "!$&'()*+,;=",
        ] {
            assert!(is_valid(valid.as_bytes()), "{valid}");
        }
        for invalid in [
            "a b", "a/b", "a:b", "a:80:90", "x@y", "a\"b", "a?b", "a#b", "a%2", "a%zz", "[::1",
            "[a]", "[::1]x", "[::1]:x", "[]", "::1", "[v.x]", "[v1.]", "a\\b", "<a>", "a\u{e9}",
        ] {
            assert!(!is_valid(invalid.as_bytes()), "{invalid}");
        }
    }
}
