//! Decides once, when a request arrives, whether it is sampled. A request that is not sampled costs nothing further.

use std::sync::OnceLock;

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::opening;
use crate::context::{self, RequestContext};
use crate::propagation::Caller;

/// Set when traces start. It belongs to the process, as the `tracing` subscriber does.
static SAMPLER: OnceLock<Sampler> = OnceLock::new();

/// From now on, `sampler` decides.
pub(super) fn decide_by(sampler: Sampler) -> Result<(), Sampler> {
    SAMPLER.set(sampler)
}

/// Whether a request of this caller is sampled.
pub(crate) fn samples(caller: &Caller) -> bool {
    SAMPLER.get().is_some_and(|sampler| decide(sampler, caller))
}

fn decide(sampler: &Sampler, caller: &Caller) -> bool {
    let trace_id = TraceId::from(caller.trace_id.0);
    // A caller that decided becomes the parent, which a parent-based sampler follows. A caller that did not decide,
    // such as the load balancer, must not become one: the SDK would take a missing decision for a no.
    let parent = caller.sampled.map(|sampled| {
        // If the caller names no span, any id will do, because only the sampler sees it.
        let span = SpanId::from(caller.parent.unwrap_or(1));
        let flags = TraceFlags::default().with_sampled(sampled);
        let context = SpanContext::new(trace_id, span, flags, true, TraceState::NONE);
        OtelContext::new().with_remote_span_context(context)
    });
    let result = sampler.should_sample(
        parent.as_ref(),
        trace_id,
        context::SPAN,
        &SpanKind::Server,
        &[],
        &[],
    );
    result.decision == SamplingDecision::RecordAndSample
}

/// Lets through the spans of sampled requests, and the events that X-Ray can show on them.
pub(super) struct Sampled;

impl Sampled {
    fn may_pass(metadata: &Metadata<'_>) -> bool {
        // Spans of the SDK and of the servers repeat what Picus' own spans say.
        metadata.target().starts_with("picus_") && (metadata.is_span() || is_for_spans(metadata))
    }
}

/// Whether an event is made for spans. Such events describe an exception or a failed attempt, which are all that
/// X-Ray shows. Their level is below that of the log lines, which say the same.
fn is_for_spans(event: &Metadata<'_>) -> bool {
    *event.level() == Level::DEBUG
        && ["exception.message", "aws.http.error_message"]
            .into_iter()
            .any(|name| event.fields().field(name).is_some())
}

impl<S> Filter<S> for Sampled
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::may_pass(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if !Self::may_pass(metadata) {
            false
        } else if !metadata.is_span() {
            // If its span did not pass, the layer drops the event.
            true
        } else if metadata.name() == context::SPAN {
            opening::with(RequestContext::is_sampled).unwrap_or(false)
        } else {
            // Only within a span that passed, never as a root.
            context.lookup_current().is_some()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(by: &Sampler, parent: Option<u64>, sampled: Option<bool>) -> bool {
        decide(by, &Caller { parent, sampled, ..Caller::none() })
    }

    #[test]
    fn only_a_parent_based_sampler_follows_the_callers_decision() {
        for parent in [None, Some(7)] {
            for by_itself in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
                let alone = matches!(by_itself, Sampler::AlwaysOn);
                let parent_based = Sampler::ParentBased(Box::new(by_itself.clone()));
                for sampled in [true, false] {
                    assert_eq!(decided(&parent_based, parent, Some(sampled)), sampled);
                    assert_eq!(decided(&by_itself, parent, Some(sampled)), alone);
                }
                assert_eq!(
                    decided(&parent_based, parent, None),
                    alone,
                    "a caller without a decision changes nothing"
                );
            }
        }
    }

    #[test]
    fn a_ratio_samples_its_share() {
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.25)));
        let taken = (0..4000).filter(|_| decided(&sampler, None, None)).count();
        assert!((800..1200).contains(&taken), "{taken}");
    }
}
