//! For any request, X-Ray accepts the segments, or they are counted as lost.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::SpanEvents;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::*;

const PARENT: u64 = 0x53_995c_3f42_cd8a;

/// A daemon's socket, and a client for a service with this name.
fn daemon(service_name: &str) -> (UdpSocket, Daemon) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut daemon = Daemon::new(address, Duration::from_secs(5));
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", service_name.to_owned()),
        KeyValue::new("service.instance.id", "i-1"),
    ]);
    daemon.set_resource(&resource.build());
    (socket, daemon)
}

fn received(socket: &UdpSocket) -> Vec<Value> {
    let mut datagram = vec![0; 70_000];
    let mut documents = Vec::new();
    while let Ok(length) = socket.recv(&mut datagram) {
        let document = datagram[..length].strip_prefix(HEADER).unwrap();
        assert!(document.len() <= 65_536, "{} bytes", document.len());
        documents.push(serde_json::from_slice(document).unwrap());
    }
    documents
}

fn span(kind: SpanKind, parent: u64) -> SpanData {
    let trace_id = TraceId::from(0x5c53_6348_3d68_3b8b_0473_4faa_e651_f476);
    SpanData {
        span_context: SpanContext::new(
            trace_id,
            SpanId::from(7),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: false,
        span_kind: kind,
        name: "DynamoDB.GetItem".into(),
        start_time: SystemTime::now(),
        end_time: SystemTime::now(),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: opentelemetry_sdk::trace::SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn sent(span: SpanData) -> Value {
    let (socket, daemon) = daemon("picus-test");
    let lost = daemon.export(vec![span]);
    assert!(lost.is_none(), "{lost:?}");
    received(&socket).remove(0)
}

/// The rules of the page "X-Ray segment documents" of AWS's guide.
fn check(document: &Value) {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\pL\pN\pZ_.:/%&#=+\\\-@]{1,200}$").unwrap());
    assert!(NAME.is_match(document["name"].as_str().unwrap()), "{document}");
    let is_hex = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    assert!(is_hex(&document["id"]), "{document}");
    let trace_id: Vec<_> = document["trace_id"].as_str().unwrap().split('-').collect();
    let lengths = trace_id.iter().map(|part| part.len()).collect::<Vec<_>>();
    assert_eq!((trace_id[0], &lengths[..]), ("1", &[1, 8, 24][..]), "{document}");
    let time = |name: &str| document[name].as_f64().unwrap();
    assert!(0.0 <= time("start_time") && time("start_time") <= time("end_time"), "{document}");
    match document.get("type") {
        Some(kind) => {
            assert_eq!(kind, "subsegment");
            assert!(is_hex(&document["parent_id"]), "{document}");
        }
        None => assert!(document.get("namespace").is_none(), "{document}"),
    }
    for name in ["origin", "user", "service", "http", "aws", "sql"] {
        check_short(&document[name]);
    }
    let status = &document["http"]["response"]["status"];
    assert!(status.is_null() || status.is_u64(), "{document}");
    for flag in ["error", "throttle", "fault"] {
        assert!(document.get(flag).is_none_or(Value::is_boolean), "{document}");
    }
    for exception in document["cause"]["exceptions"].as_array().into_iter().flatten() {
        assert!(is_hex(&exception["id"]), "{document}");
    }
    let none = Map::new();
    let annotations = document["annotations"].as_object().unwrap_or(&none);
    assert!(annotations.len() <= 50, "{document}");
    for (key, value) in annotations {
        let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        assert!((1..=500).contains(&key.len()) && is_key, "{document}");
        let text = value.as_str().unwrap_or_default();
        assert!(text.chars().count() <= 1000 && !value.is_null(), "{document}");
    }
}

/// Text of up to 250 characters, unless the guide says otherwise.
fn check_short(value: &Value) {
    match value {
        Value::String(text) => assert!(text.chars().count() <= 250, "{text}"),
        Value::Array(values) => values.iter().for_each(check_short),
        Value::Object(values) => values.values().for_each(check_short),
        _ => {}
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", "[a-z0-9%/]{0,600}", "\\PC{240,260}", "[ -~]{0,1200}"]
}

fn any_attributes() -> impl Strategy<Value = BTreeMap<String, opentelemetry::Value>> {
    let known = vec![
        "http.request.method",
        "http.route",
        "url.scheme",
        "url.path",
        "url.query",
        "url.full",
        "server.address",
        "client.address",
        "user_agent.original",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "db.system.name",
        "cloud.region",
        "aws.request_id",
        "aws.dynamodb.table_names",
        "error.type",
        "error.code",
        "request_id",
        "object_id",
        "db.response.status_code",
    ];
    let text = any_text().prop_map(opentelemetry::Value::from);
    let number = any::<i64>().prop_map(opentelemetry::Value::from);
    let value = prop_oneof![9 => text, 1 => number];
    let attributes = proptest::collection::btree_map(
        prop_oneof![9 => select(known).prop_map(str::to_owned), 1 => ".{0,20}"],
        value,
        0..20,
    );
    let status = option::of(select(&[200_i64, 404, 429, 503, 70_000, -1][..]));
    let port = option::of(any::<u16>());
    let aws = any::<bool>();
    (attributes, status, port, aws).prop_map(|(mut attributes, status, port, aws)| {
        attributes.extend(status.map(|status| ("http.response.status_code".into(), status.into())));
        attributes.extend(port.map(|port| ("server.port".into(), i64::from(port).into())));
        if aws {
            attributes.insert("rpc.system".into(), "aws-api".into());
        }
        attributes
    })
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let name = select(&["exception", "HTTP request failure", "another"][..]);
    let event = (name, any_time(), any_text()).prop_map(|(name, time, text)| {
        let error = KeyValue::new("aws.http.error_message", text.clone());
        Event::new(name, time, vec![KeyValue::new("exception.message", text), error], 0)
    });
    proptest::collection::vec(event, 0..3)
}

fn any_time() -> impl Strategy<Value = SystemTime> {
    (any::<bool>(), any::<u32>()).prop_map(|(before, seconds)| {
        let offset = Duration::from_secs(seconds.into());
        if before { SystemTime::UNIX_EPOCH - offset } else { SystemTime::UNIX_EPOCH + offset }
    })
}

fn any_span() -> impl Strategy<Value = SpanData> {
    let kind = select(&[SpanKind::Server, SpanKind::Client, SpanKind::Internal][..]);
    let ids = (option::of(any::<u128>()), option::of(any::<u64>()), option::of(any::<u64>()));
    let status = select(vec![Status::Unset, Status::Ok, Status::error("")]);
    let parts = (kind, ids, any_text(), status, any_time(), any_time());
    (parts, any_attributes(), any_events()).prop_map(|(parts, attributes, events)| {
        let (kind, (trace_id, id, parent), name, status, start, end) = parts;
        let mut made = span(kind, parent.unwrap_or(0));
        made.span_context = SpanContext::new(
            TraceId::from(trace_id.unwrap_or(0)),
            SpanId::from(id.unwrap_or(0)),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        (made.name, made.status, made.start_time, made.end_time) =
            (name.into(), status, start, end);
        made.attributes =
            attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        made.events.events = events;
        made
    })
}

#[test]
fn any_request_gives_a_valid_segment_or_counts_as_lost() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(any_text(), any_span()), |(service_name, span)| {
        let (socket, daemon) = daemon(&service_name);
        let (context, parent) = (span.span_context.clone(), span.parent_span_id);
        let lost = daemon.export(vec![span]);
        let documents = received(&socket);
        // Only a span without an id has no place in a trace.
        assert_eq!(documents.is_empty(), !context.is_valid());
        assert_eq!(lost.map_or(0, |lost| lost.spans) + documents.len(), 1);
        for document in documents {
            check(&document);
            let known = (parent != SpanId::INVALID).then(|| parent.to_string());
            assert_eq!(document.get("parent_id").and_then(Value::as_str), known.as_deref());
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn long_values_are_cut_at_the_end() {
    let mut request = span(SpanKind::Server, 0);
    request.attributes = vec![
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("server.address", "picus.example"),
        KeyValue::new("url.path", format!("/picus/get/{}", "k".repeat(2048))),
        KeyValue::new("user_agent.original", "é".repeat(200)),
        KeyValue::new("object_id", "k".repeat(2048)),
    ];
    let document = sent(request);
    check(&document);
    let request = &document["http"]["request"];
    let url = request["url"].as_str().unwrap();
    assert!(url.starts_with("http://picus.example/picus/get/kkk") && url.len() > 230, "{url}");
    assert_eq!(request["user_agent"], "é".repeat(125));
    assert_eq!(
        document["metadata"]["object_id"],
        "k".repeat(2048),
        "annotations are shorter, so the whole key is in the metadata"
    );
    assert_eq!(document["metadata"]["service.instance.id"], "i-1");
}

#[test]
fn a_name_is_cleaned_as_in_awss_exporters() {
    for (name, cleaned) in [("picus (tests)!", "picus tests"), ("\u{7}*", "span")] {
        let (socket, daemon) = daemon(name);
        assert!(daemon.export(vec![span(SpanKind::Server, 0)]).is_none());
        assert_eq!(received(&socket)[0]["name"], cleaned);
    }
}

#[test]
fn each_attempt_has_its_status_and_error_but_no_cause_before_a_success() {
    let mut call = span(SpanKind::Client, PARENT);
    call.attributes =
        vec![KeyValue::new("rpc.system", "aws-api"), KeyValue::new("rpc.service", "DynamoDB")];
    let attempt = vec![
        KeyValue::new("http.response.status_code", 400),
        KeyValue::new("aws.http.error_message", "ThrottlingException"),
    ];
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
    call.events.events = vec![Event::new("HTTP request failure", time, attempt, 0)];
    let message = "400@1.500000@ThrottlingException";

    let succeeded = sent(call.clone());
    check(&succeeded);
    assert_eq!((succeeded.get("fault"), succeeded.get("cause")), (None, None), "{succeeded}");
    assert_eq!(succeeded["metadata"]["exception.message"], json!([message]));

    call.status = Status::error("");
    let failed = sent(call);
    assert_eq!(failed["fault"], true);
    assert_eq!(failed["cause"]["exceptions"][0]["message"], message);
    assert_eq!(failed["parent_id"], format!("{PARENT:016x}"));
}

#[test]
fn spans_without_a_daemon_or_too_large_for_it_count_as_lost() {
    let (socket, daemon) = daemon("picus-test");
    let mut large = span(SpanKind::Server, 0);
    large.attributes = vec![KeyValue::new("object_id", "k".repeat(70_000))];
    let lost = daemon.export(vec![span(SpanKind::Server, 0), large, span(SpanKind::Server, 0)]);
    let lost = lost.unwrap();
    assert_eq!((lost.spans, received(&socket).len()), (1, 2), "{}", lost.why);
    assert!(lost.why.contains("Message too long"), "{}", lost.why);
    let address = socket.local_addr().unwrap();
    drop(socket);
    let lost = daemon.export(vec![span(SpanKind::Server, 0); 3]).unwrap();
    assert_eq!(lost.spans, 3);
    assert_eq!(
        lost.why,
        format!("the X-Ray daemon at {address}: Connection refused (os error 111)")
    );
    // The daemon starts again.
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert!(daemon.export(vec![span(SpanKind::Server, 0)]).is_none());
    assert_eq!(received(&socket).len(), 1);
}

#[test]
fn a_daemon_is_found_by_its_name() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let named = |name: &str| Daemon::new(format!("{name}:{port}"), Duration::from_secs(5));
    assert!(named("localhost").export(vec![span(SpanKind::Server, 0)]).is_none());
    let lost = named("nowhere.invalid").export(vec![span(SpanKind::Server, 0); 2]).unwrap();
    assert_eq!(lost.spans, 2);
}
