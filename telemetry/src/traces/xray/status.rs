//! The status of a span, in the form that X-Ray paints a segment by.

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use super::fit::text;

const STATUS: &str = "http.response.status_code";

/// X-Ray tells errors, faults and throttles by the status of HTTP, and a throttle by 429 alone, where DynamoDB answers
/// 400. The collector does the same (`otel-collector.yaml`).
///
/// A request that was refused is an error of the client's, which OpenTelemetry leaves unmarked and
/// X-Ray paints yellow (AWS X-Ray Developer Guide, "Errors, faults, and exceptions"). A collector does
/// that by the status alone.
pub(super) fn tell(span: &mut SpanData) {
    if let Some(status) = text(&span.attributes, "db.response.status_code") {
        let throttled =
            text(&span.attributes, "error.type").is_some_and(|error| error == "throttled");
        let status: Option<i64> = if throttled { Some(429) } else { status.parse().ok() };
        if let Some(status) = status {
            // In the place of another: of two, the translator takes the last, and the rules below the first.
            span.attributes.retain(|attribute| attribute.key.as_str() != STATUS);
            span.attributes.push(KeyValue::new(STATUS, status));
        }
    }
    if span.status == Status::Unset && is_marked(span, 400..=499) {
        span.status = Status::error("");
    }
}

/// Whether X-Ray takes `span` for one that failed, in whatever way.
pub(super) fn has_failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. }) || is_marked(span, 400..=599)
}

fn is_marked(span: &SpanData, statuses: std::ops::RangeInclusive<i64>) -> bool {
    let status = text(&span.attributes, STATUS).and_then(|status| status.parse().ok());
    status.is_some_and(|status| statuses.contains(&status))
}
