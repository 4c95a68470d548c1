//! The one line, and the one measurement, of each request.

use std::time::Instant;

use tracing::Span;

use crate::catalogue;

/// What is known of a request so far. It is told when this is dropped: after the response's last
/// byte, or wherever the request ended before.
#[derive(Debug)]
pub struct Access {
    /// The template of the path; empty for a path that is none of ours.
    pub route: String,
    /// The response's status; none if there was no response.
    pub status: Option<u16>,
    /// The item that the request is about.
    pub object_id: Option<String>,
    /// The size of the request's body, in bytes.
    pub bytes_in: u64,
    /// What was sent of the response's body, in bytes.
    pub bytes_out: u64,
    /// The code in an error's body.
    pub error_code: Option<&'static str>,
    /// An error of the service's own, with its causes.
    pub error_chain: Option<String>,
    /// Whether the response was sent to its end.
    pub complete: bool,
    method: &'static str,
    span: Span,
    started: Instant,
}

impl Access {
    /// A request that begins now. `span` carries its ids.
    #[must_use]
    pub fn begin(method: &str, span: Span) -> Self {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).increment(1);
        Self {
            route: String::new(),
            status: None,
            object_id: None,
            bytes_in: 0,
            bytes_out: 0,
            error_code: None,
            error_chain: None,
            complete: false,
            method: known_method(method),
            span,
            started: Instant::now(),
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).decrement(1);
        let elapsed = self.started.elapsed();
        metrics::histogram!(
            catalogue::HTTP_SERVER_REQUEST_DURATION.name,
            "http_request_method" => self.method,
            "http_route" => self.route.clone(),
            "http_response_status_code" => self.status.map_or_else(String::new, |status| status.to_string()),
        )
        .record(elapsed);
        // The levels of `tracing` are constants, so that each has a line of its own.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    parent: &self.span,
                    http.request.method = self.method,
                    http.route = self.route,
                    http.response.status_code = self.status,
                    http.request.body.size = self.bytes_in,
                    http.response.body.size = self.bytes_out,
                    duration_ms = elapsed.as_secs_f64() * 1e3,
                    object_id = self.object_id,
                    error.code = self.error_code,
                    error.chain = self.error_chain,
                    aborted = (!self.complete).then_some(true),
                    "request"
                )
            };
        }
        // A client that left before its answer is no failure of the service's.
        if self.error_chain.is_some() || self.status.is_some_and(|status| status >= 500) {
            line!(error);
        } else {
            line!(info);
        }
    }
}

/// The methods of RFC 9110 and RFC 5789; all others are one, for a client could make up any number.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
