//! Traces: decides which requests are sampled, turns `tracing`'s spans into OpenTelemetry's, and exports them.

mod export;
mod losses;
mod opening;
mod otlp;
mod queue;
mod sampled_trace;
mod sampling;
mod settings;
mod xray;

use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TracerProvider as _,
};
use opentelemetry::{Context as OtelContext, InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use picus_catalogue::conventions;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::context::RequestContext;
use crate::error::InitError;
use crate::service::Service;
pub(crate) use opening::with as opening;
pub(crate) use sampling::samples;
pub use settings::{Endpoint, Exporter, TraceSettings};

/// The longest time for exporting the last spans when the program ends.
const MAX_SHUTDOWN: Duration = Duration::from_secs(3);

/// Running traces. Dropping it exports the last spans.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts traces. From now on, the sampler decides which requests are sampled.
    pub(crate) fn start(
        settings: &TraceSettings,
        service: &Service,
    ) -> Result<Option<Self>, InitError> {
        let Some(exporter) = &settings.exporter else { return Ok(None) };
        sampling::decide_by(settings.sampler.clone()).map_err(|_| InitError::AlreadyStarted)?;
        let attributes = service.attributes.iter();
        let attributes = attributes.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        // Not read by the SDK, because it does not decode percent-encoded values.
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attributes(attributes)
            .with_service_name(service.name.clone())
            .with_attribute(KeyValue::new("service.version", service.version.clone()))
            .with_attribute(KeyValue::new("service.instance.id", service.instance_id.clone()))
            .with_schema_url([], conventions::SCHEMA_URL)
            .with_detector(Box::new(opentelemetry_aws::detector::LambdaResourceDetector))
            .build();
        let (waiting, exporter) = export::exporter(exporter, settings.export_timeout);
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.max_queue_size)
            .with_max_export_batch_size(settings.max_export_batch_size)
            .with_scheduled_delay(settings.schedule_delay)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            // Spans of requests that are not sampled never come here.
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(opening::Ids::default())
            .with_span_processor(queue::Queue::new(processor, waiting, settings.max_queue_size))
            .build();
        Ok(Some(Self(provider)))
    }

    /// The layer that makes spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let scope = InstrumentationScope::builder("picus")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(conventions::SCHEMA_URL)
            .build();
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer_with_scope(scope))
            // Nothing uses these, and they cost time.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .and_then(sampled_trace::SampledTrace)
            .with_filter(sampling::Sampled)
    }

    /// Exports every span that has ended.
    pub(crate) fn flush(&self) {
        // Lost spans are counted by the exporter.
        let _ = self.0.force_flush();
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // As above.
        let _ = self.0.shutdown_with_timeout(MAX_SHUTDOWN);
    }
}

/// Opens the span of a request with `make`, under the request's own ids.
pub(crate) fn open(context: &RequestContext, make: impl FnOnce() -> Span) -> Span {
    opening::open(context, || {
        let span = make();
        if context.is_sampled() {
            if let Some(parent) = context.caller().parent {
                let parent = SpanContext::new(
                    context.otel_trace_id(),
                    SpanId::from(parent),
                    TraceFlags::SAMPLED,
                    true,
                    context.caller().state.clone(),
                );
                let parent = OtelContext::new().with_remote_span_context(parent);
                // Can't fail: the span was just opened, and without a layer there is nothing to set.
                let _ = span.set_parent(parent);
            }
            // Otherwise the span would start at its first use, after the ids are gone.
            let _ = span.context();
        }
        span
    })
}
