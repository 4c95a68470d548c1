//! A request's ids, read from its headers, and its span's attributes.

use std::fmt;
use std::net::IpAddr;

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::context::{RequestContext, SPAN};
use crate::propagation::{self, Caller};
use crate::traces;

/// The longest `X-Request-Id` that is taken from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// What a span can say about a request when it arrives.
#[derive(Debug, Default, Clone, Copy)]
pub struct Described<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The route's template; empty for an unknown path.
    pub route: &'static str,
    /// The path, as sent.
    pub path: &'a str,
    /// The query, as sent.
    pub query: &'a str,
    /// `http` or `https`: see [`scheme`].
    pub scheme: &'static str,
    /// The HTTP version.
    pub protocol_version: &'static str,
    /// The host in the URL, with its port if there is one.
    pub host: &'a str,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: &'a str,
    /// Lambda's invocation, if there is one.
    pub invocation: Option<Invocation<'a>>,
}

/// Lambda's invocation, as a span describes it.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Lambda's request id.
    pub id: &'a str,
    /// The ARN that the function was invoked by.
    pub function_arn: &'a str,
    /// Lambda's own trace: an `X-Amzn-Trace-Id`.
    pub trace: Option<&'a str>,
    /// Whether Lambda started a new environment for it.
    pub cold_start: bool,
}

impl RequestContext {
    /// Reads the ids from a request's headers, or makes new ones, and decides whether the request is sampled, which
    /// it never is unless `may_be_traced`. `values` returns the values of a header by its lower-case name: one for
    /// each line, and an invalid one if the line is not text.
    ///
    /// Takes an `X-Request-Id` only if it comes once, as 1 to 128 characters of visible ASCII.
    pub fn from_headers<'a, V>(may_be_traced: bool, values: impl Fn(&'static str) -> V) -> Self
    where
        V: Iterator<Item = &'a str>,
    {
        let caller = Caller::from_headers(&values).unwrap_or_else(Caller::none);
        let request_id = propagation::only(values("x-request-id")).filter(|id| is_sane(id));
        let sampled = may_be_traced && traces::samples(&caller);
        Self::new(caller, request_id, sampled)
    }

    /// Opens the request's span. Every log line within it carries the ids, sampled or not.
    #[must_use]
    pub fn span(&self, request: &Described<'_>) -> Span {
        let method = known_method(request.method);
        let (address, port) = address_and_port(request.host);
        // An event that is not an HTTP request has no method.
        let trigger = if request.method.is_empty() { "other" } else { "http" };
        traces::open(self, || {
            info_span!(
                SPAN,
                otel.name = display(SpanName { method, route: request.route }),
                otel.kind = "server",
                otel.status_code = Empty,
                request_id = self.request_id(),
                object_id = Empty,
                http.request.method = method,
                http.request.method_original =
                    some(request.method).filter(|_| method == OTHER_METHOD),
                http.route = some(request.route),
                http.response.status_code = Empty,
                url.scheme = some(request.scheme),
                url.path = some(request.path),
                url.query = some(request.query),
                network.protocol.version = some(request.protocol_version),
                server.address = some(address),
                server.port = port,
                client.address = request.client.map(display),
                user_agent.original = some(request.user_agent),
                faas.trigger = request.invocation.map(|_| trigger),
                faas.invocation_id = request.invocation.map(|invocation| invocation.id),
                aws.lambda.invoked_arn =
                    request.invocation.map(|invocation| invocation.function_arn),
                faas.coldstart = request.invocation.map(|invocation| invocation.cold_start),
                error.type = Empty,
                error.code = Empty,
            )
        })
    }
}

/// The client's address as the load balancer saw it: the last entry of `X-Forwarded-For`. A client can write anything
/// into the entries before. Several header lines are one list (RFC 9110, 5.3).
pub fn nearest_hop<'a>(forwarded_for: impl Iterator<Item = &'a [u8]>) -> Option<IpAddr> {
    last_element(forwarded_for)?.parse().ok()
}

/// The client's scheme, from the last entry of the load balancer's `X-Forwarded-Proto`. If that is neither `http` nor
/// `https`, or missing, it is `http`: without a load balancer the program serves only HTTP.
pub fn scheme<'a>(forwarded_proto: impl Iterator<Item = &'a [u8]>) -> &'static str {
    let https = |scheme: &str| scheme.eq_ignore_ascii_case("https");
    if last_element(forwarded_proto).is_some_and(https) { "https" } else { "http" }
}

/// The last element of a list in several header lines. The bytes before it come from the client, so they may be
/// anything.
fn last_element<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let last = lines.last()?.rsplit(|byte| *byte == b',').next()?;
    str::from_utf8(last).ok().map(str::trim)
}

/// OpenTelemetry's word for a method that HTTP does not define.
const OTHER_METHOD: &str = "_OTHER";

/// The methods of RFC 9110 and RFC 5789. All others count as one, because clients can invent any number of them.
pub(crate) fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or(OTHER_METHOD)
}

/// A server span's name (OpenTelemetry, "Semantic conventions for HTTP spans"): the method (`HTTP` if it is unknown),
/// then the route if there is one.
struct SpanName {
    method: &'static str,
    route: &'static str,
}

impl fmt::Display for SpanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.method == OTHER_METHOD { "HTTP" } else { self.method })?;
        if self.route.is_empty() { Ok(()) } else { write!(f, " {}", self.route) }
    }
}

/// Splits a `Host` into address and port.
fn address_and_port(host: &str) -> (&str, Option<i64>) {
    let port = |port: &str| port.parse::<u16>().ok().map(i64::from);
    match host.rsplit_once(':') {
        Some((address, text)) if port(text).is_some() => (address, port(text)),
        _ => (host, None),
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use std::collections::HashSet;

    use super::*;

    fn request_id(given: &str) -> String {
        request_id_of(&[given])
    }

    fn request_id_of(given: &[&str]) -> String {
        let values = |name| given.iter().copied().filter(move |_| name == "x-request-id");
        RequestContext::from_headers(true, values).request_id().to_owned()
    }

    #[test]
    fn the_last_forwarded_address_is_the_client() {
        let hop = |lines: &'static [u8]| {
            nearest_hop(lines.split(|byte| *byte == b'\n')).map(|hop| hop.to_string())
        };
        assert_eq!(hop(b"10.0.0.1, 10.0.0.2\n10.0.0.3,192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(hop(b"10.0.0.1, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(hop(b"2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(hop(b"10.0.0.1\n\xff, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(
            (hop(b""), hop(b"192.0.2.7, unknown"), hop(b"10.0.0.1\n\xff")),
            (None, None, None)
        );
    }

    #[test]
    fn a_host_is_an_address_and_a_port() {
        for (host, address, port) in [
            ("picus.example", "picus.example", None),
            ("picus.example:8443", "picus.example", Some(8443)),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[2001:db8::1]:80", "[2001:db8::1]", Some(80)),
            ("picus.example:port", "picus.example:port", None),
            ("", "", None),
        ] {
            assert_eq!(address_and_port(host), (address, port));
        }
    }

    #[test]
    fn a_span_is_named_for_its_method_and_its_route() {
        let name = |method, route| SpanName { method: known_method(method), route }.to_string();
        assert_eq!(name("GET", "/picus/list"), "GET /picus/list");
        assert_eq!(name("GET", ""), "GET");
        assert_eq!(name("BREW", "/picus/list"), "HTTP /picus/list");
    }

    #[test]
    fn a_scheme_is_http_or_https_whatever_the_client_sends() {
        let scheme = |lines: &str| scheme(lines.lines().map(str::as_bytes));
        for https in ["https", "HTTPS", "http\nhttps", "http, https"] {
            assert_eq!(scheme(https), "https", "{https}");
        }
        for odd in ["", "http", "gopher", "https, http", "https\nhttp"] {
            assert_eq!(scheme(odd), "http", "{odd}");
        }
    }

    #[test]
    fn a_valid_request_id_is_kept() {
        for sane in ["a", "order-17/", &"x".repeat(128)] {
            assert_eq!(request_id(sane), sane);
        }
    }

    #[test]
    fn an_invalid_request_id_gets_replaced() {
        let odd = ["", " ", "a b", "é", "a\nb", &"x".repeat(129)];
        let new: HashSet<_> =
            odd.iter().map(|id| Uuid::parse_str(&request_id(id)).unwrap()).collect();
        assert_eq!(new.len(), odd.len(), "each replacement must be different: {new:?}");
        assert!(
            Uuid::parse_str(&request_id_of(&["a", "a"])).is_ok(),
            "an id that is sent twice is replaced"
        );
    }
}
