//! Exemplars: a bucket of a histogram names the trace of one sampled request in it. A trace that is not exported is
//! never named, because nobody could find it.

use opentelemetry::trace::TraceId;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use tracing::{Subscriber as _, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The trace of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exemplar(pub(crate) TraceId);

impl EncodeLabelSet for Exemplar {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        [("trace_id", self.0.to_string())].encode(encoder)
    }
}

/// The trace of the current span's request, if it is sampled.
pub(crate) fn of_current_request() -> Option<Exemplar> {
    dispatcher::get_default(|dispatch| {
        let spans = dispatch.downcast_ref::<Registry>()?;
        let current = spans.current_span();
        let span = spans.span(current.id()?)?;
        span.scope().find_map(|span| span.extensions().get::<Exemplar>().copied())
    })
}
