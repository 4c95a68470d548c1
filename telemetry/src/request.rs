//! What comes with a request: the ids in its headers, and what its span tells of it.

use std::net::IpAddr;

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::context::{RequestContext, SPAN};
use crate::propagation::{self, Caller};
use crate::traces;

/// The longest `X-Request-Id` that is taken from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// What a request's span tells of it, as far as it is known when the request comes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Described<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The template of the path; empty for a path that is none of ours.
    pub route: &'static str,
    /// The path, as sent.
    pub path: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host that the client turned to.
    pub host: &'a str,
    /// Where the client is.
    pub client: Option<IpAddr>,
    /// What the client says it is.
    pub user_agent: &'a str,
    /// The invocation, in Lambda.
    pub invocation: Option<Invocation<'a>>,
}

/// What a span tells of a function's invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Lambda's id for it.
    pub id: &'a str,
    /// Whether its environment was new.
    pub cold_start: bool,
}

impl RequestContext {
    /// The ids in a request's headers, new ones where there are none, and whether it is sampled: only
    /// if it `may_be_traced`. `header` gives a header's value by its name in lower case.
    ///
    /// An `X-Request-Id` is taken when it is 1 to 128 characters of visible ASCII.
    pub fn from_headers<'a>(may_be_traced: bool, header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let caller = Caller::from_headers(&header).unwrap_or_else(|| Caller {
            trace_id: propagation::TraceId::generate(),
            parent: None,
            sampled: None,
        });
        let request_id = header("x-request-id").filter(|id| is_sane(id));
        Self::new(caller, request_id, may_be_traced && traces::samples(&caller))
    }

    /// The request's span. Every log line within it carries the ids, sampled or not.
    #[must_use]
    pub fn span(&self, request: &Described<'_>) -> Span {
        traces::open(self, || {
            info_span!(
                SPAN,
                otel.name = display(format_args!("{} {}", request.method, request.route)),
                otel.kind = "server",
                otel.status_code = Empty,
                request_id = self.request_id(),
                object_id = Empty,
                http.request.method = request.method,
                http.route = some(request.route),
                http.response.status_code = Empty,
                url.scheme = some(request.scheme),
                url.path = some(request.path),
                server.address = some(request.host),
                client.address = request.client.map(display),
                user_agent.original = some(request.user_agent),
                faas.invocation_id = request.invocation.map(|invocation| invocation.id),
                faas.coldstart = request.invocation.map(|invocation| invocation.cold_start),
                error.type = Empty,
                error.code = Empty,
            )
        })
    }
}

/// The client as the load balancer saw it: the last hop that an `X-Forwarded-For` names. Those before
/// are the client's own word.
#[must_use]
pub fn nearest_hop(forwarded_for: &str) -> Option<IpAddr> {
    forwarded_for.rsplit(',').next()?.trim().parse().ok()
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
        RequestContext::from_headers(true, |name| (name == "x-request-id").then_some(given))
            .request_id()
            .to_owned()
    }

    #[test]
    fn the_nearest_hop_is_the_last_one() {
        let hop = |text| nearest_hop(text).map(|hop| hop.to_string());
        assert_eq!(hop("10.0.0.1, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(hop("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!((hop(""), hop("192.0.2.7, unknown")), (None, None));
    }

    #[test]
    fn a_sane_request_id_is_kept() {
        for sane in ["a", "order-17/", &"x".repeat(128)] {
            assert_eq!(request_id(sane), sane);
        }
    }

    #[test]
    fn another_one_is_replaced() {
        let odd = ["", " ", "a b", "é", "a\nb", &"x".repeat(129)];
        let new: HashSet<_> =
            odd.iter().map(|id| Uuid::parse_str(&request_id(id)).unwrap()).collect();
        assert_eq!(new.len(), odd.len(), "each is another: {new:?}");
    }
}
