//! Passes a request's ids and its sampling decision to the layers while its span opens. `tracing` gives a new span's
//! layers only its fields, so the request is kept in a thread-local until the span is open.

use std::cell::RefCell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::context::RequestContext;

thread_local! {
    static OPENING: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// Opens the request's span with `open`.
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

/// Gives a request's span the ids that its caller and its log lines have. It also keeps the root of a load balancer's
/// `X-Amzn-Trace-Id`, which names no parent, without inventing one.
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
