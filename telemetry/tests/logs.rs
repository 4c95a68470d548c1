//! Log lines on stdout.

mod sink;

use std::io;

use picus_telemetry::{Described, RequestContext};
use serde_json::Value;

use sink::{Sink, settings};

/// One test for everything, because a process can start telemetry only once.
#[test]
fn each_event_is_one_line_and_no_input_can_forge_another() {
    let sink = Sink::default();
    let settings = settings();
    let telemetry = picus_telemetry::init(&settings, sink.clone()).unwrap();
    assert!(picus_telemetry::init(&settings, io::sink()).is_err(), "once in a process");

    tracing::debug!("below the level");
    tracing::info!("outside a request");
    let values = |name: &str| {
        let value = match name {
            "x-amzn-trace-id" => Some("Root=1-67891233-abcdef012345678912345678"),
            "x-request-id" => Some("order-17"),
            _ => None,
        };
        value.into_iter()
    };
    let evil = "a\"}\n{\"level\":\"ERROR\"\u{202e}\u{7f}\u{85}\u{2028}é\u{e0041}";
    RequestContext::from_headers(true, values).span(&Described::default()).in_scope(|| {
        let call = tracing::info_span!("call", request_id = "not the request's");
        let _entered = call.enter();
        tracing::warn!(key = evil, count = 3_u64, ratio = 0.5, ok = true, "within");
    });
    drop(telemetry);

    let text = sink.text();
    assert!(!text.contains(['\u{202e}', '\u{7f}', '\u{85}', '\u{2028}', '\u{e0041}']), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    let [outside, within] = &lines[..] else { unreachable!() };
    assert_eq!(outside["message"], "outside a request");
    assert!(outside.get("trace_id").is_none());
    let mut within = within.as_object().unwrap().clone();
    let timestamp = within.remove("timestamp").unwrap();
    let span_id = within.remove("span_id").unwrap();
    assert_eq!(span_id.as_str().unwrap().len(), 16, "{span_id}");
    let timestamp = timestamp.as_str().unwrap();
    assert!(timestamp.starts_with("20") && timestamp.ends_with('Z'), "{timestamp}");
    let expected = serde_json::json!({
        "level": "WARN",
        "message": "within",
        "target": "logs",
        "service.name": "picus-test",
        "service.version": "1.2.3",
        "trace_id": "67891233abcdef012345678912345678",
        "xray_trace_id": "1-67891233-abcdef012345678912345678",
        "request_id": "order-17",
        "key": evil,
        "count": 3,
        "ratio": 0.5,
        "ok": true,
    });
    assert_eq!(Value::Object(within), expected);
}
