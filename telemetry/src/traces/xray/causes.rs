//! Writes a span's exceptions and failed attempts into its segment's `cause`, where X-Ray shows them.

use std::time::SystemTime;

use opentelemetry::trace::Event;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::fit::text;
use super::status::has_failed;

const EXCEPTION: &str = "exception";
const ATTEMPT: &str = "HTTP request failure";
const MESSAGE: &str = "exception.message";

/// Gives each failed attempt its own status and error. Otherwise the translator uses those of the whole call.
///
/// A segment that did not fail has no cause. If an attempt failed but the call succeeded, the attempt's message goes
/// into the segment's metadata.
pub(super) fn tell(span: &mut SpanData) {
    let events = span.events.events.iter_mut();
    events.filter(|event| event.name == ATTEMPT).for_each(tell_attempt);
    if has_failed(span) {
        return;
    }
    let mut messages = Vec::new();
    span.events.events.retain(|event| {
        let shown = event.name == EXCEPTION || event.name == ATTEMPT;
        let message = text(&event.attributes, MESSAGE).filter(|_| shown);
        messages.extend(message.map(|message| message.into_owned().into()));
        !shown
    });
    if !messages.is_empty() {
        let messages = Value::Array(Array::String(messages));
        span.attributes.push(KeyValue::new(format!("metadata.{MESSAGE}"), messages));
    }
}

/// Writes the message as AWS's collector does: status, time and error.
fn tell_attempt(attempt: &mut Event) {
    let part = |name| text(&attempt.attributes, name).unwrap_or_default();
    let since_epoch = attempt.timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let message = format!(
        "{}@{:.6}@{}",
        part("http.response.status_code"),
        since_epoch.as_secs_f64(),
        part("aws.http.error_message")
    );
    attempt.attributes.push(KeyValue::new("exception.type", "aws.http.error.event"));
    attempt.attributes.push(KeyValue::new(MESSAGE, message));
}
