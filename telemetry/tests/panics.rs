//! Panics in the log on stdout.

mod sink;

use std::panic::{self, AssertUnwindSafe};

use picus_telemetry::{Described, RequestContext};
use serde_json::Value;

use sink::{Sink, settings};

#[test]
fn a_panic_is_one_log_line_with_message_location_and_request() {
    let sink = Sink::default();
    let settings = settings();
    let telemetry = picus_telemetry::init(&settings, sink.clone()).unwrap();
    picus_telemetry::log_panics();
    let values = |name: &str| (name == "x-request-id").then_some("order-17").into_iter();
    let span = RequestContext::from_headers(true, values).span(&Described::default());
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        span.in_scope(|| panic!("two\nlines of {}", line!()))
    }));
    drop(panic::take_hook());
    drop(telemetry);

    assert!(panicked.is_err());
    let line: Value = serde_json::from_str(&sink.text()).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &"panic".into()), "{line}");
    assert_eq!(line["exception.type"], "panic");
    assert_eq!(line["code.file.path"], file!());
    let number = line["code.line.number"].as_u64().unwrap();
    assert_eq!(line["exception.message"], format!("two\nlines of {number}"));
    assert_eq!(line["request_id"], "order-17");
}
