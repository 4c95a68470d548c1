//! The access line, the metrics and the span's end of each request: one each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Span;

use crate::context::RequestContext;
use crate::outcome::Outcome;
use crate::received::Received;
use crate::request::{Described, known_method};
use crate::slo::LatencySlo;
use picus_catalogue as catalogue;

/// A request in progress. Dropping it writes the access line and records the metrics: after the last byte of the
/// response, or wherever the request ended before.
#[derive(Debug)]
pub struct Access {
    /// The key of the item.
    pub object_id: Option<String>,
    /// Bytes received of the request's body.
    pub bytes_in: Received,
    /// Bytes sent of the response's body.
    pub bytes_out: u64,
    /// The code in an error's body.
    pub error_code: Option<&'static str>,
    /// The service's own error, with its causes.
    pub error_chain: Option<String>,
    /// Whether the response was sent to its end.
    pub complete: bool,
    method: &'static str,
    route: &'static str,
    scheme: &'static str,
    /// Lambda's own trace, if the request belongs to another.
    lambda_xray_trace_id: Option<String>,
    /// Whether the program notices a client that leaves. Lambda does not tell a function.
    sees_client: bool,
    answer: Option<Answer>,
    objective: Arc<LatencySlo>,
    span: Span,
    started: Instant,
}

/// The head of a response.
#[derive(Debug, Clone, Copy)]
struct Answer {
    status: u16,
    after: Duration,
}

impl Access {
    /// Begins a request and opens its span.
    #[must_use]
    pub fn begin(
        context: &RequestContext,
        request: &Described<'_>,
        objective: Arc<LatencySlo>,
    ) -> Self {
        let method = known_method(request.method);
        Self {
            object_id: None,
            bytes_in: Received::default(),
            bytes_out: 0,
            error_code: None,
            error_chain: None,
            complete: false,
            method,
            route: request.route,
            scheme: request.scheme,
            lambda_xray_trace_id: request
                .invocation
                .and_then(|invocation| context.other_trace(invocation.trace?)),
            sees_client: request.invocation.is_none(),
            answer: None,
            objective,
            span: context.span(request),
            started: Instant::now(),
        }
    }

    /// The request's span.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The response begins now, with this status.
    pub fn answer(&mut self, status: u16) {
        self.answer = Some(Answer { status, after: self.started.elapsed() });
    }

    /// Whether the client left without an answer, after it had waited longer than the SLO's time.
    fn is_given_up(&self, elapsed: Duration) -> bool {
        self.answer.is_none() && self.objective.is_missed(self.route, elapsed)
    }

    fn measure(&self, elapsed: Duration, error: Option<&'static str>) {
        if self.answer.is_some_and(|answer| answer.status >= 500) {
            self.objective.fail(self.route);
        }
        match self.answer {
            Some(Answer { status, after }) if status < 500 => {
                self.objective.record(self.route, after);
            }
            Some(Answer { status: 504, after }) => {
                // Counted here, because several places have a deadline.
                metrics::counter!(catalogue::REQUESTS_TIMED_OUT.name).increment(1);
                // Lambda's 504 may have reached nobody. If it were left out here, neither SLO would count it.
                if !self.sees_client {
                    self.objective.record(self.route, after);
                }
            }
            None if self.is_given_up(elapsed) => self.objective.record(self.route, elapsed),
            Some(_) | None => {}
        }
        let outcome = Outcome {
            status: self.answer.map(|answer| answer.status),
            method: self.method,
            scheme: self.scheme,
            route: self.route,
            error,
        };
        // Recorded within the span, so that the exemplar names this request's trace.
        self.span.in_scope(|| outcome.record(elapsed));
    }

    /// Completes the request's span, if the request is sampled.
    fn trace(&self, error: Option<&'static str>) {
        if let Some(answer) = self.answer {
            self.span.record("http.response.status_code", i64::from(answer.status));
        }
        if let Some(id) = &self.object_id {
            self.span.record("object_id", id);
        }
        if let Some(code) = self.error_code {
            self.span.record("error.code", code);
        }
        if let Some(error) = error {
            self.span.record("error.type", error);
            self.span.record("otel.status_code", "ERROR");
            let chain = self.error_chain.as_deref().unwrap_or_default();
            // Only for the span, where X-Ray looks for a cause. In the logs, the access line has the error.
            tracing::debug!(parent: &self.span, exception.type = error, exception.message = chain, "exception");
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let status = self.answer.map(|answer| answer.status);
        let first_byte = self.answer.map(|answer| milliseconds(answer.after));
        // A client that left before its answer does not count as a failure of availability.
        let failed = self.error_chain.is_some() || status.is_some_and(|status| status >= 500);
        let error = failed.then(|| self.error_code.unwrap_or("aborted"));
        self.measure(elapsed, error);
        self.trace(error);
        // `tracing` needs its level at compile time, so each level has its own line.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    parent: &self.span,
                    http.request.method = self.method,
                    http.route = self.route,
                    http.response.status_code = status,
                    http.request.body.size = self.bytes_in.bytes(),
                    http.response.body.size = self.bytes_out,
                    time_to_first_byte_ms = first_byte,
                    duration_ms = milliseconds(elapsed),
                    object_id = self.object_id,
                    lambda_xray_trace_id = self.lambda_xray_trace_id,
                    error.code = self.error_code,
                    exception.r#type = error,
                    exception.message = self.error_chain,
                    aborted = (!self.complete).then_some(true),
                    "request"
                )
            };
        }
        if failed {
            line!(error);
        } else if self.is_given_up(elapsed) {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

/// At most three decimals: the clock is not more precise, and people read these lines too.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_decimals_at_most() {
        for (nanoseconds, shown) in
            [(2_019_324_156, "2019.324"), (218_118, "0.218"), (400_500, "0.401"), (0, "0.0")]
        {
            let text = serde_json::json!(milliseconds(Duration::from_nanos(nanoseconds)));
            assert_eq!(text.to_string(), shown);
        }
    }
}
