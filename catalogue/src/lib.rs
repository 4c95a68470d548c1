//! Every metric that Picus emits. Nothing is emitted that does not stand here.
//!
//! Names, units and labels are those of OpenTelemetry's semantic conventions for HTTP servers and
//! database clients, in Prometheus' form; what these do not know begins with `picus_`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// The name in Prometheus' form, with its unit.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it is measured in, as CloudWatch is told; none for a ratio and what else it has no word for.
    pub unit: Option<Unit>,
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
    unit: Some(Unit::Seconds),
    labels: &["http_request_method", "http_route", "http_response_status_code"],
    help: "Time from a request's head to the last byte of its response.",
};
/// Requests being worked on.
pub const HTTP_SERVER_ACTIVE_REQUESTS: Metric = Metric {
    name: "http_server_active_requests",
    kind: Kind::Gauge,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Requests in flight.",
};
/// What the latency objective is measured on.
pub const REQUESTS_MEASURED: Metric = Metric {
    name: "picus_requests_measured_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["http_route"],
    help: "Requests for items that were answered without a failure of the service: those that the latency objective is measured on.",
};
/// What met the latency objective.
pub const REQUESTS_WITHIN_OBJECTIVE: Metric = Metric {
    name: "picus_requests_within_objective_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["http_route"],
    help: "Of the requests measured, those whose answer began within the latency objective.",
};
/// Requests refused for load.
pub const REQUESTS_SHED: Metric = Metric {
    name: "picus_requests_shed_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Requests refused with 503 because too many were in flight.",
};
/// Requests that took too long.
pub const REQUESTS_TIMED_OUT: Metric = Metric {
    name: "picus_requests_timed_out_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Requests answered with 504 because their deadline passed.",
};
/// Environments of the function that started.
pub const FAAS_COLDSTARTS: Metric = Metric {
    name: "faas_coldstarts_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Invocations of the function that had to wait for a new environment.",
};
/// Calls to DynamoDB, by duration.
pub const DB_CLIENT_OPERATION_DURATION: Metric = Metric {
    name: "db_client_operation_duration_seconds",
    kind: Kind::Histogram(SECONDS),
    unit: Some(Unit::Seconds),
    labels: &["db_operation_name", "error_type"],
    help: "Time of a call to DynamoDB, its retries included; error_type is empty on success.",
};
/// Attempts at calls to DynamoDB.
pub const DYNAMODB_ATTEMPTS: Metric = Metric {
    name: "picus_dynamodb_attempts_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["db_operation_name"],
    help: "Attempts at calls to DynamoDB, the first ones included.",
};
/// Second and later attempts.
pub const DYNAMODB_RETRIES: Metric = Metric {
    name: "picus_dynamodb_retries_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["db_operation_name"],
    help: "Attempts at calls to DynamoDB after the first.",
};
/// Attempts that DynamoDB throttled.
pub const DYNAMODB_THROTTLES: Metric = Metric {
    name: "picus_dynamodb_throttles_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["db_operation_name"],
    help: "Attempts that DynamoDB refused because of its limits on throughput.",
};
/// What calls cost.
pub const DYNAMODB_CONSUMED_CAPACITY: Metric = Metric {
    name: "picus_dynamodb_consumed_capacity_units",
    kind: Kind::Histogram(CAPACITY_UNITS),
    unit: None,
    labels: &["db_operation_name"],
    help: "Capacity units that a call to DynamoDB consumed.",
};
/// Items listed.
pub const ITEMS_LISTED: Metric = Metric {
    name: "picus_items_listed_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Items sent in lists.",
};
/// The size of what was listed.
pub const BYTES_LISTED: Metric = Metric {
    name: "picus_bytes_listed_total",
    kind: Kind::Counter,
    unit: Some(Unit::Bytes),
    labels: &[],
    help: "Bytes sent in lists.",
};
/// Log lines that could not be written in time.
pub const LOG_LINES_DROPPED: Metric = Metric {
    name: "picus_log_lines_dropped_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Log lines lost because stdout took them too slowly.",
};
/// Spans that were queued for the exporter, or were not.
pub const SPANS_PROCESSED: Metric = Metric {
    name: "otel_sdk_processor_span_processed_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["error_type"],
    help: "Spans that ended: error_type is empty for those queued for export, queue_full for those lost because exporting was too slow.",
};
/// Spans that were exported, or were not.
pub const SPANS_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_span_exported_total",
    kind: Kind::Counter,
    unit: Some(Unit::Count),
    labels: &["error_type"],
    help: "Spans handed to the exporter: error_type is empty for those delivered, export_failed for those lost.",
};
/// The process's share of its CPUs.
pub const PROCESS_CPU_UTILIZATION: Metric = Metric {
    name: "process_cpu_utilization_ratio",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
    help: "CPU time that the process used since the sample before, of all that it could have: 1 is all of its CPUs.",
};
/// The process's memory.
pub const PROCESS_MEMORY_USAGE: Metric = Metric {
    name: "process_memory_usage_bytes",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    labels: &[],
    help: "Physical memory in use by the process.",
};
/// The process's open files.
pub const PROCESS_FILE_DESCRIPTORS: Metric = Metric {
    name: "process_unix_file_descriptors",
    kind: Kind::Gauge,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Files and sockets that the process has open.",
};
/// The process's age.
pub const PROCESS_UPTIME: Metric = Metric {
    name: "process_uptime_seconds",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &[],
    help: "Time since the process started.",
};
/// Threads that serve requests.
pub const RUNTIME_WORKERS: Metric = Metric {
    name: "picus_runtime_workers",
    kind: Kind::Gauge,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Threads that serve requests, each with a runtime of its own.",
};
/// How busy these threads are.
pub const RUNTIME_UTILIZATION: Metric = Metric {
    name: "picus_runtime_utilization_ratio",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
    help: "Time that the threads which serve requests were busy since the sample before: 1 is all of them, all the time.",
};
/// What these threads have begun.
pub const RUNTIME_ALIVE_TASKS: Metric = Metric {
    name: "picus_runtime_alive_tasks",
    kind: Kind::Gauge,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Tasks of the threads that serve requests: connections, mostly.",
};
/// What waits for these threads.
pub const RUNTIME_QUEUE_DEPTH: Metric = Metric {
    name: "picus_runtime_queue_depth",
    kind: Kind::Gauge,
    unit: Some(Unit::Count),
    labels: &[],
    help: "Tasks handed from outside to the threads that serve requests, and not yet begun.",
};
/// Which build runs.
pub const BUILD_INFO: Metric = Metric {
    name: "picus_build_info",
    kind: Kind::Gauge,
    unit: None,
    labels: &["service_name", "service_version"],
    help: "Always 1; the labels say which build this is.",
};

/// All of them.
pub const ALL: [Metric; 26] = [
    HTTP_SERVER_REQUEST_DURATION,
    HTTP_SERVER_ACTIVE_REQUESTS,
    REQUESTS_MEASURED,
    REQUESTS_WITHIN_OBJECTIVE,
    REQUESTS_SHED,
    REQUESTS_TIMED_OUT,
    FAAS_COLDSTARTS,
    DB_CLIENT_OPERATION_DURATION,
    DYNAMODB_ATTEMPTS,
    DYNAMODB_RETRIES,
    DYNAMODB_THROTTLES,
    DYNAMODB_CONSUMED_CAPACITY,
    ITEMS_LISTED,
    BYTES_LISTED,
    LOG_LINES_DROPPED,
    SPANS_PROCESSED,
    SPANS_EXPORTED,
    PROCESS_CPU_UTILIZATION,
    PROCESS_MEMORY_USAGE,
    PROCESS_FILE_DESCRIPTORS,
    PROCESS_UPTIME,
    RUNTIME_WORKERS,
    RUNTIME_UTILIZATION,
    RUNTIME_ALIVE_TASKS,
    RUNTIME_QUEUE_DEPTH,
    BUILD_INFO,
];

/// Tells this process's recorder of each metric's unit and meaning.
pub fn describe() {
    for Metric { name, kind, unit, help, .. } in ALL {
        match (kind, unit) {
            (Kind::Counter, Some(unit)) => describe_counter!(name, unit, help),
            (Kind::Counter, None) => describe_counter!(name, help),
            (Kind::Gauge, Some(unit)) => describe_gauge!(name, unit, help),
            (Kind::Gauge, None) => describe_gauge!(name, help),
            (Kind::Histogram(_), Some(unit)) => describe_histogram!(name, unit, help),
            (Kind::Histogram(_), None) => describe_histogram!(name, help),
        }
    }
}
