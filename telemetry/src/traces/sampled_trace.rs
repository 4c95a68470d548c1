//! Stores the trace id of a sampled request with its span, so that exemplars can name it.

use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::opening;
use crate::context::{self, RequestContext};
use crate::exemplar::Exemplar;

/// The layer that stores it. A filter before it lets only sampled requests through.
pub(super) struct SampledTrace;

impl<S> Layer<S> for SampledTrace
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != context::SPAN {
            return;
        }
        let opened = opening::with(RequestContext::otel_trace_id);
        if let Some((trace_id, span)) = opened.zip(context.span(id)) {
            span.extensions_mut().insert(Exemplar(trace_id));
        }
    }
}
