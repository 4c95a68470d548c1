//! The headers that every response has.

/// The id of a request, chosen by its client or made by the program that answers.
pub const X_REQUEST_ID: &str = "X-Request-Id";
/// The trace of a request, in X-Ray's form.
pub const X_AMZN_TRACE_ID: &str = "X-Amzn-Trace-Id";

/// A header of every response.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct ResponseHeader {
    pub name: &'static str,
    /// What it tells a client.
    pub description: &'static str,
    /// What its value matches.
    pub pattern: &'static str,
    value: fn(trace_id: &str, request_id: &str) -> String,
}

impl ResponseHeader {
    /// Its value on the response to a request with these ids.
    #[must_use]
    pub fn value(&self, trace_id: &str, request_id: &str) -> String {
        (self.value)(trace_id, request_id)
    }
}

/// The headers that both programs put on every response, and that the OpenAPI document names.
pub const EVERY_RESPONSE: [ResponseHeader; 4] = [
    ResponseHeader {
        name: X_REQUEST_ID,
        description: "This request: the `X-Request-Id` that was sent, if it is 1 to 128 characters of visible ASCII, or a new one.",
        pattern: "^[!-~]{1,128}$",
        value: |_, request_id| request_id.to_owned(),
    },
    ResponseHeader {
        name: X_AMZN_TRACE_ID,
        description: "The trace of this request, as AWS X-Ray writes it.",
        pattern: "^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$",
        value: |trace_id, _| format!("Root={trace_id}"),
    },
    ResponseHeader {
        name: "Cache-Control",
        description: "Nothing between client and service may keep the response.",
        pattern: "^no-store$",
        value: |_, _| "no-store".to_owned(),
    },
    ResponseHeader {
        name: "X-Content-Type-Options",
        description: "A browser takes the response for what `Content-Type` says.",
        pattern: "^nosniff$",
        value: |_, _| "nosniff".to_owned(),
    },
];
