//! Every metric that Picus emits. Nothing is emitted that does not stand here.
//!
//! Names, units and labels are those of OpenTelemetry's semantic conventions for HTTP servers and
//! database clients, in Prometheus' form; what these do not know begins with `picus_`.

/// How a metric behaves over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, with these upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name in Prometheus' form, with its unit.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The labels, each with a bounded set of values.
    pub labels: &'static [&'static str],
    /// What it means: its HELP.
    pub help: &'static str,
}

/// The bounds that OpenTelemetry advises for durations in seconds.
const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const CAPACITY_UNITS: &[f64] = &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Requests answered, by duration.
pub const HTTP_SERVER_REQUEST_DURATION: Metric = Metric {
    name: "http_server_request_duration_seconds",
    kind: Kind::Histogram(SECONDS),
    labels: &["http_request_method", "http_route", "http_response_status_code"],
    help: "Time from a request's head to the last byte of its response.",
};
/// Requests being worked on.
pub const HTTP_SERVER_ACTIVE_REQUESTS: Metric = Metric {
    name: "http_server_active_requests",
    kind: Kind::Gauge,
    labels: &[],
    help: "Requests in flight.",
};
/// Requests refused for load.
pub const REQUESTS_SHED: Metric = Metric {
    name: "picus_requests_shed_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Requests refused with 503 because too many were in flight.",
};
/// Requests that took too long.
pub const REQUESTS_TIMED_OUT: Metric = Metric {
    name: "picus_requests_timed_out_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Requests answered with 504 because their deadline passed.",
};
/// Calls to DynamoDB, by duration.
pub const DB_CLIENT_OPERATION_DURATION: Metric = Metric {
    name: "db_client_operation_duration_seconds",
    kind: Kind::Histogram(SECONDS),
    labels: &["db_operation_name", "error_type"],
    help: "Time of a call to DynamoDB, its retries included; error_type is empty on success.",
};
/// Attempts at calls to DynamoDB.
pub const DYNAMODB_ATTEMPTS: Metric = Metric {
    name: "picus_dynamodb_attempts_total",
    kind: Kind::Counter,
    labels: &["db_operation_name"],
    help: "Attempts at calls to DynamoDB, the first ones included.",
};
/// Second and later attempts.
pub const DYNAMODB_RETRIES: Metric = Metric {
    name: "picus_dynamodb_retries_total",
    kind: Kind::Counter,
    labels: &["db_operation_name"],
    help: "Attempts at calls to DynamoDB after the first.",
};
/// Attempts that DynamoDB throttled.
pub const DYNAMODB_THROTTLES: Metric = Metric {
    name: "picus_dynamodb_throttles_total",
    kind: Kind::Counter,
    labels: &["db_operation_name"],
    help: "Attempts that DynamoDB refused because of its limits on throughput.",
};
/// What calls cost.
pub const DYNAMODB_CONSUMED_CAPACITY: Metric = Metric {
    name: "picus_dynamodb_consumed_capacity_units",
    kind: Kind::Histogram(CAPACITY_UNITS),
    labels: &["db_operation_name"],
    help: "Capacity units that a call to DynamoDB consumed.",
};
/// Items listed.
pub const ITEMS_LISTED: Metric = Metric {
    name: "picus_items_listed_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Items sent in lists.",
};
/// Log lines that could not be written in time.
pub const LOG_LINES_DROPPED: Metric = Metric {
    name: "picus_log_lines_dropped_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Log lines lost because stdout took them too slowly.",
};
/// Which build runs.
pub const BUILD_INFO: Metric = Metric {
    name: "picus_build_info",
    kind: Kind::Gauge,
    labels: &["service_name", "service_version"],
    help: "Always 1; the labels say which build this is.",
};

/// All of them.
pub const ALL: [Metric; 12] = [
    HTTP_SERVER_REQUEST_DURATION,
    HTTP_SERVER_ACTIVE_REQUESTS,
    REQUESTS_SHED,
    REQUESTS_TIMED_OUT,
    DB_CLIENT_OPERATION_DURATION,
    DYNAMODB_ATTEMPTS,
    DYNAMODB_RETRIES,
    DYNAMODB_THROTTLES,
    DYNAMODB_CONSUMED_CAPACITY,
    ITEMS_LISTED,
    LOG_LINES_DROPPED,
    BUILD_INFO,
];
