//! Metrics in a scrape.

use std::io;

use picus_catalogue as catalogue;
use picus_settings::Reader;
use picus_telemetry::{Exposition, Metrics, Service, Settings, TraceSettings};

#[test]
fn a_scrape_has_the_recorded_values_and_the_catalogues_help() {
    let settings = Settings {
        service: Service {
            name: "picus-test".into(),
            version: "1.2.3".into(),
            instance_id: "test".into(),
            attributes: Vec::new(),
        },
        log_filter: "off".parse().unwrap(),
        metrics: Metrics::Prometheus(None),
        traces: TraceSettings::read(&mut Reader::new(|_| None), ""),
    };
    let telemetry = picus_telemetry::init(&settings, io::sink()).unwrap();
    metrics::counter!(catalogue::REQUESTS_SHED.name).increment(2);
    let duration = catalogue::HTTP_SERVER_REQUEST_DURATION;
    let labels = [
        ("http_request_method", "GET"),
        ("http_route", "/health"),
        ("http_response_status_code", "200"),
    ];
    metrics::histogram!(duration.name, &labels).record(0.006);
    let text = telemetry.prometheus().unwrap().render(Exposition::Text);
    for line in [
        "# TYPE picus_requests_shed_total counter",
        &format!("# HELP {} {}", duration.name, duration.help),
        "# TYPE http_server_request_duration_seconds histogram",
        "picus_requests_shed_total 2",
        "picus_log_lines_dropped_total 0",
        "http_server_active_requests 0.0",
        "http_server_request_duration_seconds_bucket{http_request_method=\"GET\",http_route=\"/health\",http_response_status_code=\"200\",le=\"0.005\"} 0",
        "http_server_request_duration_seconds_bucket{http_request_method=\"GET\",http_route=\"/health\",http_response_status_code=\"200\",le=\"0.01\"} 1",
        "picus_build_info{service_name=\"picus-test\",service_version=\"1.2.3\"} 1.0",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }
}
