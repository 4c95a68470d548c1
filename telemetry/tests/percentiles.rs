//! Distributions that a collector receives.

mod request;
mod sink;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, metric::Data,
};
use picus_catalogue as catalogue;
use picus_telemetry::{Metrics, PercentileSettings, Settings};
use prost::Message as _;

use sink::{Sink, settings};

const PATIENCE: Duration = Duration::from_secs(20);

/// A collector that replies with `answers` one by one, and passes each delivery to the test.
fn collector(
    answers: Receiver<(u16, Vec<u8>)>,
) -> (SocketAddr, Receiver<ExportMetricsServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            serve(connection.unwrap(), &answers, &tell);
        }
    });
    (address, told)
}

fn serve(
    connection: std::net::TcpStream,
    answers: &Receiver<(u16, Vec<u8>)>,
    tell: &Sender<ExportMetricsServiceRequest>,
) {
    let body = request::body(&connection);
    let _ = tell.send(ExportMetricsServiceRequest::decode(&body[..]).unwrap());
    let (status, answer) = answers.recv_timeout(PATIENCE).unwrap();
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    )
    .and_then(|()| connection.write_all(&answer))
    .unwrap();
}

/// The metric's name and the data point of a delivery that has only one.
fn point(request: &ExportMetricsServiceRequest) -> (&str, &ExponentialHistogramDataPoint) {
    let [resource] = &request.resource_metrics[..] else { panic!("{request:?}") };
    let [metric] = &resource.scope_metrics[0].metrics[..] else { panic!("{request:?}") };
    let Some(Data::ExponentialHistogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Delta);
    let [point] = &histogram.data_points[..] else { panic!("{histogram:?}") };
    (&metric.name, point)
}

fn record(status: &'static str, seconds: f64) {
    let labels = [("http_route", "/picus/put"), ("http_response_status_code", status)];
    metrics::histogram!(catalogue::HTTP_SERVER_REQUEST_DURATION.name, &labels).record(seconds);
}

/// One test for everything, because a process can start telemetry only once.
#[test]
fn each_duration_is_delivered_once_even_if_the_collector_fails_for_a_time() {
    let (answer, answers) = mpsc::channel();
    let (address, deliveries) = collector(answers);
    let percentiles = PercentileSettings {
        endpoint: format!("http://{address}/v1/metrics"),
        interval: Duration::from_millis(50),
        timeout: PATIENCE,
    };
    let sink = Sink::default();
    let settings = Settings { metrics: Metrics::Prometheus(Some(percentiles)), ..settings() };
    let telemetry = picus_telemetry::init(&settings, sink.clone()).unwrap();
    let next = || deliveries.recv_timeout(PATIENCE).unwrap();

    // A request of an unknown path has no route.
    metrics::histogram!(catalogue::HTTP_SERVER_REQUEST_DURATION.name).record(1.0);
    record("201", 0.01);
    let first = next();
    let (name, lost) = point(&first);
    assert_eq!(name, "http.server.request.duration");
    assert_eq!(lost.count, 1);
    // More durations are recorded while the collector fails. All statuses of a route share one distribution.
    record("201", 0.02);
    record("503", 2.0);
    answer.send((503, Vec::new())).unwrap();
    let second = next();
    let (_, all) = point(&second);
    assert_eq!((all.count, all.min, all.max), (3, Some(0.01), Some(2.0)));
    assert_eq!(
        all.start_time_unix_nano, lost.start_time_unix_nano,
        "it covers the time since the lost delivery"
    );
    let attributes: Vec<_> =
        all.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(attributes, ["http.route"]);
    let buckets = all.positive.as_ref().unwrap();
    assert_eq!(buckets.bucket_counts.iter().sum::<u64>(), 3);
    answer.send((200, Vec::new())).unwrap();

    // No duration is delivered twice, and the last ones are delivered when the program ends.
    record("201", 0.04);
    let rejected = ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: 1,
            error_message: "too old".into(),
        }),
    };
    answer.send((200, rejected.encode_to_vec())).unwrap();
    answer.send((200, Vec::new())).unwrap();
    assert_eq!(point(&next()).1.count, 1);
    record("201", 0.08);
    drop(telemetry);
    assert_eq!(point(&next()).1.count, 1);

    let text = sink.text();
    for message in [
        "distributions can not be delivered, and are kept",
        "distributions are delivered again",
        "distributions were rejected, and are lost",
    ] {
        assert_eq!(text.matches(message).count(), 1, "{message} in {text}");
    }
    assert!(text.contains("too old"), "{text}");
}
