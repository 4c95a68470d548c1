//! The ids of one request, under which its log lines, its trace and its answer are found.

use tracing::{Span, info_span};
use uuid::Uuid;

use crate::propagation::TraceId;

/// The longest `X-Request-Id` that is taken from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// What the request's span is called, for the logs to know it by.
pub(crate) const SPAN: &str = "request";

/// The ids of one request.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "each is an id, and is called so in the logs")]
pub struct RequestContext {
    trace_id: String,
    xray_trace_id: String,
    request_id: String,
}

impl RequestContext {
    /// The ids in a request's headers, new ones where there are none. `header` gives a header's
    /// value by its name in lower case.
    ///
    /// An `X-Request-Id` is taken when it is 1 to 128 characters of visible ASCII.
    pub fn from_headers(header: impl Fn(&str) -> Option<String>) -> Self {
        let trace_id = TraceId::from_headers(&header).unwrap_or_else(TraceId::generate);
        let request_id = header("x-request-id").filter(|id| is_sane(id));
        Self {
            trace_id: format!("{trace_id:x}"),
            xray_trace_id: trace_id.to_string(),
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        }
    }

    /// The trace's id in OpenTelemetry's form: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The trace's id as X-Ray's console searches for it: `1-8hex-24hex`.
    #[must_use]
    pub fn xray_trace_id(&self) -> &str {
        &self.xray_trace_id
    }

    /// The request's own id: the client's, or a new one.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The request's span. Every log line within it carries the ids.
    #[must_use]
    pub fn span(&self) -> Span {
        info_span!(
            SPAN,
            trace_id = self.trace_id,
            xray_trace_id = self.xray_trace_id,
            request_id = self.request_id,
        )
    }
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_id(given: &str) -> String {
        RequestContext::from_headers(|name| (name == "x-request-id").then(|| given.to_owned()))
            .request_id
    }

    #[test]
    fn a_sane_request_id_is_kept() {
        for sane in ["a", "order-17/ü".trim_end_matches('ü'), &"x".repeat(128)] {
            assert_eq!(request_id(sane), sane);
        }
    }

    #[test]
    fn another_one_is_replaced() {
        for odd in ["", " ", "a b", "é", "a\nb", &"x".repeat(129)] {
            let id = request_id(odd);
            assert!(Uuid::parse_str(&id).is_ok(), "{id}");
        }
    }
}
