//! Shortens and cleans values that a segment can't hold (AWS X-Ray Developer Guide, "Segment documents"). Otherwise
//! the translator drops the value, or even the whole span.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use regex::Regex;

/// The most bytes of a segment's name. A subsegment's name may be longer.
const MAX_NAME: usize = 200;
/// The most bytes of any other value.
const MAX_VALUE: usize = 250;
/// The most bytes of a URL's parts together. The translator adds a scheme, a port and separators.
const MAX_URL_PARTS: usize = MAX_VALUE - "https://:65535/?".len();

/// The attributes that can become a segment's name.
const NAMES: [&str; 5] =
    ["peer.service", "aws.service", "rpc.service", "db.service", "service.name"];

/// The attributes that become a segment's values. Annotations and metadata are not among them, because they may be
/// longer.
const VALUES: [&str; 30] = [
    "aws.dynamodb.table_names",
    "aws.ecs.cluster.arn",
    "aws.ecs.container.arn",
    "aws.ecs.launchtype",
    "aws.ecs.task.arn",
    "aws.ecs.task.family",
    "aws.operation",
    "aws.region",
    "aws.request_id",
    "client.address",
    "cloud.account.id",
    "cloud.availability_zone",
    "cloud.region",
    "container.id",
    "container.name",
    "db.namespace",
    "db.query.text",
    "db.system",
    "db.system.name",
    "host.id",
    "host.image.id",
    "host.type",
    "http.request.method",
    "rpc.method",
    "server.address",
    "service.namespace",
    "service.version",
    "telemetry.sdk.version",
    "url.full",
    "user_agent.original",
];

/// The attributes that make up a URL, in order.
const URL_PARTS: [&str; 6] =
    ["url.scheme", "url.domain", "server.address", "client.address", "url.path", "url.query"];

pub(super) fn span(span: &mut SpanData) {
    // The clock may have been set back, or never set.
    span.start_time = span.start_time.max(SystemTime::UNIX_EPOCH);
    span.end_time = span.end_time.max(span.start_time);
    for event in &mut span.events.events {
        event.timestamp = event.timestamp.max(SystemTime::UNIX_EPOCH);
    }
    // A subsegment names its own segment, so a span without a parent becomes a segment.
    if span.parent_span_id == SpanId::INVALID {
        span.span_kind = SpanKind::Server;
    }
    span.name = name(&span.name).into();
    span.attributes.iter_mut().for_each(attribute);
    let mut room = MAX_URL_PARTS;
    for part in URL_PARTS {
        let found = span.attributes.iter_mut().filter(|attribute| attribute.key.as_str() == part);
        let taken = found.map(|attribute| shorten(&mut attribute.value, room)).max();
        room -= taken.unwrap_or_default();
    }
}

pub(super) fn resource(resource: &Resource) -> Resource {
    let attributes = resource.iter().map(|(key, value)| {
        // The translator shows this attribute only for Elastic Beanstalk.
        let key = if key.as_str() == "service.instance.id" {
            "metadata.service.instance.id".into()
        } else {
            key.clone()
        };
        let mut fitted = KeyValue::new(key, value.clone());
        attribute(&mut fitted);
        fitted
    });
    Resource::builder_empty().with_attributes(attributes).build()
}

/// An attribute's text, as the translator reads it.
pub(super) fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<Cow<'a, str>> {
    let found = attributes.iter().find(|attribute| attribute.key.as_str() == name)?;
    Some(found.value.as_str())
}

fn attribute(attribute: &mut KeyValue) {
    let key = attribute.key.as_str();
    if NAMES.contains(&key) {
        attribute.value = name(&attribute.value.as_str()).into();
    } else if VALUES.contains(&key) {
        shorten(&mut attribute.value, MAX_VALUE);
    }
}

/// A name as AWS's own exporters write it: never empty, and without characters that X-Ray refuses.
fn name(name: &str) -> String {
    #[expect(clippy::expect_used, reason = "it is a constant")]
    static NOT_TAKEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[^\pL\pN\pZ_.:/%&#=+\-@]+").expect("a pattern"));
    let taken = NOT_TAKEN.replace_all(name, "");
    let taken = start(&taken, MAX_NAME);
    if taken.is_empty() { "span".to_owned() } else { taken.to_owned() }
}

/// Cuts text to `max` bytes, and returns its new length.
fn shorten(value: &mut Value, max: usize) -> usize {
    let cut = |text: &mut StringValue| {
        let kept = start(text.as_str(), max);
        let length = kept.len();
        if length < text.as_str().len() {
            *text = kept.to_owned().into();
        }
        length
    };
    match value {
        Value::String(text) => cut(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().map(cut).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The beginning of `text`, at most `max` bytes.
fn start(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
