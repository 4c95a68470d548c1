//! The headers of every response.

/// The request's id: the client's, or a new one.
pub const X_REQUEST_ID: &str = "X-Request-Id";
/// The request's trace, in X-Ray's format.
pub const X_AMZN_TRACE_ID: &str = "X-Amzn-Trace-Id";

/// A header of every response.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct ResponseHeader {
    pub name: &'static str,
    /// What it means to a client.
    pub description: &'static str,
    /// A pattern that its value matches.
    pub pattern: &'static str,
    value: fn(trace_id: &str, request_id: &str) -> String,
}

impl ResponseHeader {
    /// Its value in the response to a request with these ids.
    #[must_use]
    pub fn value(&self, trace_id: &str, request_id: &str) -> String {
        (self.value)(trace_id, request_id)
    }
}

/// The headers that both programs put on every response. The OpenAPI document lists them.
pub const EVERY_RESPONSE: [ResponseHeader; 4] = [
    ResponseHeader {
        name: X_REQUEST_ID,
        description: "The request's id: the client's `X-Request-Id` if it is 1 to 128 characters of visible ASCII, otherwise a new id.",
        pattern: "^[!-~]{1,128}$",
        value: |_, request_id| request_id.to_owned(),
    },
    ResponseHeader {
        name: X_AMZN_TRACE_ID,
        description: "The request's trace id, as AWS X-Ray writes it.",
        pattern: "^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$",
        value: |trace_id, _| format!("Root={trace_id}"),
    },
    ResponseHeader {
        name: "Cache-Control",
        description: "No cache may store the response.",
        pattern: "^no-store$",
        value: |_, _| "no-store".to_owned(),
    },
    ResponseHeader {
        name: "X-Content-Type-Options",
        description: "A browser must not guess another type than `Content-Type`.",
        pattern: "^nosniff$",
        value: |_, _| "nosniff".to_owned(),
    },
];
