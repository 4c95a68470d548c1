//! Sets a span's status so that X-Ray colours its segment correctly.

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use super::fit::text;

const STATUS: &str = "http.response.status_code";

/// X-Ray tells errors, faults and throttles apart by an HTTP status, and a throttle is 429 only, although DynamoDB
/// answers 400. The collector does the same (`otel-collector.yaml`).
///
/// A refused request is the client's error. OpenTelemetry leaves its span unmarked, and X-Ray colours it yellow (AWS
/// X-Ray Developer Guide, "Errors, faults, and exceptions"). A collector does this from the status alone.
pub(super) fn tell(span: &mut SpanData) {
    if let Some(status) = text(&span.attributes, "db.response.status_code") {
        let throttled =
            text(&span.attributes, "error.type").is_some_and(|error| error == "throttled");
        let status: Option<i64> = if throttled { Some(429) } else { status.parse().ok() };
        if let Some(status) = status {
            // Replaces the old value: of two, the translator would use the last, and the rules below the first.
            span.attributes.retain(|attribute| attribute.key.as_str() != STATUS);
            span.attributes.push(KeyValue::new(STATUS, status));
        }
    }
    if span.status == Status::Unset && is_marked(span, 400..=499) {
        span.status = Status::error("");
    }
}

/// Whether X-Ray treats `span` as failed in any way.
pub(super) fn has_failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. }) || is_marked(span, 400..=599)
}

fn is_marked(span: &SpanData, statuses: std::ops::RangeInclusive<i64>) -> bool {
    let status = text(&span.attributes, STATUS).and_then(|status| status.parse().ok());
    status.is_some_and(|status| statuses.contains(&status))
}
