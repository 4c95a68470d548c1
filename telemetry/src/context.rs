//! The ids of one request. Its log lines, its trace and its response carry them.

use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use uuid::Uuid;

use crate::propagation::Caller;

/// The name of a request's span, by which the layers recognise it.
pub(crate) const SPAN: &str = "request";

/// The ids of one request, and its caller's trace. Clones share them.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Context>);

#[derive(Debug)]
struct Context {
    caller: Caller,
    span_id: SpanId,
    sampled: bool,
    ids: Ids,
}

/// The ids as text.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "each is an id, and is called so in the logs")]
pub(crate) struct Ids {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) xray_trace_id: String,
    pub(crate) request_id: String,
}

impl RequestContext {
    /// The ids of a request from `caller`. `None` makes a new request id.
    pub(crate) fn new(caller: Caller, request_id: Option<&str>, sampled: bool) -> Self {
        let random = RandomIdGenerator::default();
        let span_id = random.new_span_id();
        let ids = Ids {
            trace_id: format!("{:x}", caller.trace_id),
            span_id: span_id.to_string(),
            xray_trace_id: caller.trace_id.to_string(),
            request_id: request_id
                .map_or_else(|| new_request_id(&random).to_string(), ToOwned::to_owned),
        };
        Self(Arc::new(Context { caller, span_id, sampled, ids }))
    }

    /// The trace's id in the form that X-Ray's console searches for: `1-8hex-24hex`.
    #[must_use]
    pub fn xray_trace_id(&self) -> &str {
        &self.0.ids.xray_trace_id
    }

    /// The trace of this `X-Amzn-Trace-Id` in X-Ray's form, unless it is the request's own trace.
    pub(crate) fn other_trace(&self, header: &str) -> Option<String> {
        let other = Caller::from_xray(header)?.trace_id;
        (other != self.0.caller.trace_id).then(|| other.to_string())
    }

    /// The request's own id: the client's, or a new one.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.ids.request_id
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.0.ids
    }

    pub(crate) fn is_sampled(&self) -> bool {
        self.0.sampled
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    pub(crate) fn otel_trace_id(&self) -> TraceId {
        TraceId::from(self.0.caller.trace_id.0)
    }

    pub(crate) fn otel_span_id(&self) -> SpanId {
        self.0.span_id
    }
}

/// `Uuid::new_v4` asks the system for random bytes each time, which costs as much as all other ids together.
fn new_request_id(random: &RandomIdGenerator) -> Uuid {
    uuid::Builder::from_random_bytes(random.new_trace_id().to_bytes()).into_uuid()
}
