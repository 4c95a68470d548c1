//! Exemplars in a scrape of the metrics.

mod sink;

use picus_catalogue as catalogue;
use picus_settings::Reader;
use picus_telemetry::{Described, Exposition, RequestContext, Settings, TraceSettings};

use sink::{Sink, settings};

const SAMPLED: &str = "Root=1-67891233-abcdef012345678912345678;Sampled=1";
const NOT_SAMPLED: &str = "Root=1-67891233-0123456789abcdef01234567;Sampled=0";

/// Runs `measure` in the span of a request with this trace header.
fn measure(trace: &'static str, measure: impl FnOnce()) {
    let values = |name: &str| (name == "x-amzn-trace-id").then_some(trace).into_iter();
    RequestContext::from_headers(true, values).span(&Described::default()).in_scope(measure);
}

fn durations(seconds: f64) {
    metrics::histogram!(catalogue::HTTP_SERVER_REQUEST_DURATION.name).record(seconds);
    // A measured call may be in a span of its own.
    tracing::info_span!("call").in_scope(|| {
        metrics::histogram!(catalogue::DB_CLIENT_OPERATION_DURATION.name).record(seconds);
    });
    metrics::histogram!(catalogue::DYNAMODB_CONSUMED_CAPACITY.name).record(1.0);
}

/// One test for everything, because a process can start telemetry only once.
#[test]
fn only_buckets_of_sampled_requests_have_exemplars() {
    // Exemplars must work with logging off. Port 9 is "discard": nothing listens there.
    let settings = Settings {
        log_filter: "off".parse().unwrap(),
        traces: TraceSettings::read(&mut Reader::new(|_| None), "http://127.0.0.1:9"),
        ..settings()
    };
    let sink = Sink::default();
    let telemetry = picus_telemetry::init(&settings, sink.clone()).unwrap();
    measure(SAMPLED, || durations(0.03));
    measure(NOT_SAMPLED, || durations(0.2));
    durations(0.2);
    metrics::counter!(catalogue::REQUESTS_SHED.name).increment(2);

    let prometheus = telemetry.prometheus().unwrap();
    let page = prometheus.render(Exposition::OpenMetrics);
    let with_exemplar: Vec<_> = page.lines().filter_map(|line| line.split_once(" # ")).collect();
    let [(request, its_exemplar), (call, other)] = with_exemplar[..] else { panic!("{page}") };
    assert_eq!(request, "http_server_request_duration_seconds_bucket{le=\"0.05\"} 1");
    assert!(call.starts_with("db_client_operation_duration_seconds_bucket{le=\""), "{call}");
    for exemplar in [its_exemplar, other] {
        let (labels, time) = exemplar.rsplit_once(' ').unwrap();
        assert_eq!(labels, "{trace_id=\"67891233abcdef012345678912345678\"} 0.03");
        assert!(time.parse::<f64>().unwrap() > 1.7e9, "{time}");
    }
    for line in [
        "# TYPE http_server_request_duration_seconds histogram",
        "# UNIT http_server_request_duration_seconds seconds",
        "# TYPE picus_requests_shed counter",
        "picus_requests_shed_total 2",
        // This counter has no unit, so its name ends without one.
        "# TYPE picus_bytes_listed counter",
    ] {
        assert!(page.lines().any(|found| found == line), "no line {line:?} in\n{page}");
    }
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    assert!(!page.contains("0123456789abcdef01234567"), "{page}");

    let text = prometheus.render(Exposition::Text);
    assert!(!text.contains(" # ") && !text.contains("# EOF"), "{text}");
    assert_eq!(sink.text(), "");
}
