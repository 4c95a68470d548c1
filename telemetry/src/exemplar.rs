//! Exemplars: the trace of a request that was sampled, beside the bucket that it fell into. A trace that
//! is not sent is none, for nobody would find it.

use opentelemetry::trace::TraceId;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use tracing::{Subscriber as _, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// Where a request is found: its trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exemplar(pub(crate) TraceId);

impl EncodeLabelSet for Exemplar {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        [("trace_id", self.0.to_string())].encode(encoder)
    }
}

/// The trace of the request within whose span this is called, if it is sampled.
pub(crate) fn of_current_request() -> Option<Exemplar> {
    dispatcher::get_default(|dispatch| {
        let spans = dispatch.downcast_ref::<Registry>()?;
        let current = spans.current_span();
        let span = spans.span(current.id()?)?;
        span.scope().find_map(|span| span.extensions().get::<Exemplar>().copied())
    })
}
