//! A span, for people and tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self, ResourceSpans};
use serde_json::{Value, json};

/// Attributes by their names.
pub type Attributes = BTreeMap<String, Value>;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Attributes of its program, such as `service.name`.
    pub resource: Attributes,
    /// The URL of the schema of its attributes and its resource; empty if the two differ.
    pub schema_url: String,
    /// What it is called.
    pub name: String,
    /// Whether it is an incoming request.
    pub is_server: bool,
    /// Whether it is an outgoing call.
    pub is_client: bool,
    /// The trace's id, as 32 hexadecimal digits.
    pub trace_id: String,
    /// Its own id, as 16 hexadecimal digits.
    pub span_id: String,
    /// The parent's id; empty if there is none.
    pub parent_span_id: String,
    /// W3C's `tracestate`.
    pub trace_state: String,
    /// Its start, in nanoseconds since 1970.
    pub start: u64,
    /// How long it took.
    pub duration: Duration,
    /// Whether it failed.
    pub failed: bool,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its events.
    pub events: Vec<Event>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called.
    pub name: String,
    /// Its attributes.
    pub attributes: Attributes,
}

impl Span {
    pub(super) fn of_resource(spans: ResourceSpans) -> impl Iterator<Item = Self> {
        let resource = attributes(spans.resource.unwrap_or_default().attributes);
        let schema = spans.schema_url;
        let of_scopes = spans.scope_spans.into_iter().flat_map(move |scope| {
            let schema = if scope.schema_url == schema { schema.clone() } else { String::new() };
            scope.spans.into_iter().map(move |span| (schema.clone(), span))
        });
        of_scopes.map(move |(schema, span)| Self::read(resource.clone(), schema, span))
    }

    fn read(resource: Attributes, schema_url: String, span: v1::Span) -> Self {
        let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        Self {
            resource,
            schema_url,
            is_server: span.kind() == SpanKind::Server,
            is_client: span.kind() == SpanKind::Client,
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_span_id: hex(&span.parent_span_id),
            trace_state: span.trace_state,
            start: span.start_time_unix_nano,
            duration: Duration::from_nanos(duration),
            failed: span.status.is_some_and(|status| status.code() == StatusCode::Error),
            name: span.name,
            attributes: attributes(span.attributes),
            events: span.events.into_iter().map(Event::read).collect(),
        }
    }
}

impl Event {
    fn read(event: v1::span::Event) -> Self {
        Self { name: event.name, attributes: attributes(event.attributes) }
    }
}

fn attributes(entries: Vec<KeyValue>) -> Attributes {
    entries.into_iter().map(|entry| (entry.key, value(entry.value))).collect()
}

fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(truth)) => truth.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::BytesValue(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        Some(Any::ArrayValue(array)) => {
            array.values.into_iter().map(|element| value(Some(element))).collect()
        }
        Some(Any::KvlistValue(list)) => json!(attributes(list.values)),
        _ => Value::Null,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
