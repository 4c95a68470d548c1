//! What must be known of a request at the very moment when its span is opened: its ids, and whether
//! it is sampled. `tracing` hands a new span to its layers with its fields alone, so that these are
//! left here, on the thread, for as long as the opening takes.

use std::cell::RefCell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::context::RequestContext;

thread_local! {
    static OPENING: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// Opens the request's span by `open`.
pub(crate) fn open<T>(context: &RequestContext, open: impl FnOnce() -> T) -> T {
    OPENING.set(Some(context.clone()));
    let opened = open();
    OPENING.set(None);
    opened
}

/// The request whose span is being opened.
pub(crate) fn with<T>(read: impl FnOnce(&RequestContext) -> T) -> Option<T> {
    OPENING.with_borrow(|opening| opening.as_ref().map(read))
}

/// Gives the span of a request the ids that its caller and its log lines know. That keeps the root
/// of a load balancer's `X-Amzn-Trace-Id`, which names no parent, without making one up.
#[derive(Debug, Default)]
pub(crate) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        with(RequestContext::otel_trace_id).unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        with(RequestContext::otel_span_id).unwrap_or_else(|| self.0.new_span_id())
    }
}
