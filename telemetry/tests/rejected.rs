//! Spans that a collector rejects.

mod request;
mod sink;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use picus_settings::Reader;
use picus_telemetry::{Described, Exposition, RequestContext, Settings, TraceSettings};
use prost::Message as _;

use sink::{Sink, settings};

/// A collector whose replies report these numbers of rejected spans, one a reply. Then it closes its port.
fn collector(rejected: &'static [i64]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        for &rejected_spans in rejected {
            let error_message = "no span of the future".to_owned();
            let part = ExportTracePartialSuccess { rejected_spans, error_message };
            let answer = ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec();
            let (mut connection, _) = listener.accept().unwrap();
            request::body(&connection);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            write!(connection, "{head} {}\r\n\r\n", answer.len()).unwrap();
            connection.write_all(&answer).unwrap();
        }
    });
    (address, thread)
}

/// One test for everything, because a process can start telemetry only once.
#[test]
fn rejected_spans_count_as_lost_and_each_kind_of_loss_is_logged_once_with_its_cause() {
    // A negative number and a number above that of the sent spans are invalid.
    let (address, gone) = collector(&[1, 9, -3, 0, 1]);
    let settings = Settings {
        traces: TraceSettings::read(
            &mut Reader::new(move |name| {
                let endpoint = name == "OTEL_EXPORTER_OTLP_ENDPOINT";
                endpoint.then(|| format!("http://{address}"))
            }),
            "",
        ),
        ..settings()
    };
    let sink = Sink::default();
    let telemetry = picus_telemetry::init(&settings, sink.clone()).unwrap();
    let deliver = |requests: usize| {
        for _ in 0..requests {
            let header = |name: &str| {
                (name == "x-amzn-trace-id")
                    .then_some("Root=1-67891233-abcdef012345678912345678;Sampled=1")
                    .into_iter()
            };
            RequestContext::from_headers(true, header).span(&Described::default()).in_scope(|| {});
        }
        telemetry.flush();
    };
    deliver(3);
    for _ in 0..4 {
        deliver(2);
    }
    gone.join().unwrap();
    deliver(4);

    let page = telemetry.prometheus().unwrap().render(Exposition::Text);
    let exported = |labels: &str| {
        let series = format!("otel_sdk_exporter_span_exported_total{labels} ");
        page.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or_else(|| panic!("{page}"))
    };
    assert_eq!(exported("{error_type=\"rejected\"}"), "4");
    assert_eq!(exported("{error_type=\"export_failed\"}"), "4");
    assert_eq!(exported(""), "7");
    drop(telemetry);
    let text = sink.text();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["message"].as_str().unwrap(), line["exception.message"].as_str().unwrap())
        })
        .collect();
    let [(rejected, why), (failed, cause)] = lines[..] else { panic!("{text}") };
    assert_eq!((rejected, why), ("spans were rejected, and are lost", "no span of the future"));
    assert_eq!(failed, "spans can not be delivered, and are lost");
    assert!(cause.contains("Connection refused"), "{cause}");
}
