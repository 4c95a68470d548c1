//! The queue before the exporter. It has a limit, so that a missing collector can't fill the memory, and it counts
//! the spans that it drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

use picus_catalogue::SPANS_PROCESSED;

/// How many spans wait for the exporter. The exporter subtracts what it takes.
pub(super) type Waiting = Arc<AtomicUsize>;

/// The SDK's own processor drops spans without counting them. This queue stands before it with the same limit, and
/// counts what it drops. The exporter counts the others.
#[derive(Debug)]
pub(super) struct Queue {
    processor: BatchSpanProcessor,
    waiting: Waiting,
    bound: usize,
}

impl Queue {
    pub(super) fn new(processor: BatchSpanProcessor, waiting: Waiting, bound: usize) -> Self {
        Self { processor, waiting, bound }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.bound {
            self.processor.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            metrics::counter!(SPANS_PROCESSED.name, "error_type" => "queue_full").increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}
