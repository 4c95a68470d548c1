//! The metrics that Lambda reports to CloudWatch ("Types of metrics for Lambda functions").

use std::time::Duration;

use bytes::Bytes;

use super::function::{Function, InvokeError};
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;

/// Reports an invocation. A throttled one does not count as an invocation.
pub(super) fn report(
    metrics: &MetricSink,
    function: &Function,
    outcome: &Result<Bytes, InvokeError>,
    took: Duration,
    at_once: usize,
) {
    let record = |name: &str, value: f64| {
        metrics.record(
            Metric::new("AWS/Lambda", name, &[("FunctionName", function.name.as_str())]),
            value,
        );
    };
    let count = |holds: bool| f64::from(u8::from(holds));
    let throttled = *outcome == Err(InvokeError::Throttled);
    record("Throttles", count(throttled));
    if !throttled {
        record("Invocations", 1.0);
        record("Errors", count(outcome.is_err()));
        record("Duration", took.min(function.timeout).as_secs_f64() * 1e3);
        record("ConcurrentExecutions", f64::from(u32::try_from(at_once).unwrap_or(u32::MAX)));
    }
}
