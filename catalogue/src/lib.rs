//! Every metric that Picus emits. Nothing is emitted that does not stand here.
//!
//! Names, units and labels are those of OpenTelemetry's semantic conventions for HTTP servers and
//! database clients, in Prometheus' form; what these do not know begins with `picus_`.

#![expect(clippy::doc_markdown, reason = "a metric's doc comment is its HELP, which is plain text")]

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

/// Declares each metric once: a constant with its doc comment as its HELP, and its place in [`ALL`].
macro_rules! catalogue {
    ($(
        $(#[doc = $help:literal])+
        $constant:ident: $name:literal, $kind:ident $(($bounds:ident))?, $unit:ident, [$($label:literal),*];
    )+) => {
        $(
            $(#[doc = $help])+
            pub const $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind $(($bounds))?,
                unit: catalogue!(@unit $unit),
                labels: &[$($label),*],
                help: concat!($($help),+).trim_ascii(),
            };
        )+

        /// Every metric.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
    (@unit none) => { None };
    (@unit $unit:ident) => { Some(Unit::$unit) };
}

catalogue! {
    /// Time from a request's head to the last byte of its response.
    HTTP_SERVER_REQUEST_DURATION: "http_server_request_duration_seconds", Histogram(SECONDS), Seconds,
        ["http_request_method", "http_route", "http_response_status_code"];
    /// Requests in flight.
    HTTP_SERVER_ACTIVE_REQUESTS: "http_server_active_requests", Gauge, Count, [];
    /// Requests for items that were answered without a failure of the service: those that
    /// the latency objective is measured on.
    REQUESTS_MEASURED: "picus_requests_measured_total", Counter, Count, ["http_route"];
    /// Of the requests measured, those whose answer began within the latency objective.
    REQUESTS_WITHIN_OBJECTIVE: "picus_requests_within_objective_total", Counter, Count,
        ["http_route"];
    /// Requests refused with 503 because too many were in flight.
    REQUESTS_SHED: "picus_requests_shed_total", Counter, Count, [];
    /// Requests answered with 504 because their deadline passed.
    REQUESTS_TIMED_OUT: "picus_requests_timed_out_total", Counter, Count, [];
    /// Invocations of the function that had to wait for a new environment.
    FAAS_COLDSTARTS: "faas_coldstarts_total", Counter, Count, [];
    /// Time of a call to DynamoDB, its retries included; error_type is empty on success.
    DB_CLIENT_OPERATION_DURATION: "db_client_operation_duration_seconds", Histogram(SECONDS), Seconds,
        ["db_operation_name", "error_type"];
    /// Attempts at calls to DynamoDB, the first ones included.
    DYNAMODB_ATTEMPTS: "picus_dynamodb_attempts_total", Counter, Count, ["db_operation_name"];
    /// Attempts at calls to DynamoDB after the first.
    DYNAMODB_RETRIES: "picus_dynamodb_retries_total", Counter, Count, ["db_operation_name"];
    /// Attempts that DynamoDB refused because of its limits on throughput.
    DYNAMODB_THROTTLES: "picus_dynamodb_throttles_total", Counter, Count, ["db_operation_name"];
    /// Capacity units that a call to DynamoDB consumed.
    DYNAMODB_CONSUMED_CAPACITY: "picus_dynamodb_consumed_capacity_units", Histogram(CAPACITY_UNITS), none,
        ["db_operation_name"];
    /// Items sent in lists.
    ITEMS_LISTED: "picus_items_listed_total", Counter, Count, [];
    /// Bytes sent in lists.
    BYTES_LISTED: "picus_bytes_listed_total", Counter, Bytes, [];
    /// Log lines lost because stdout took them too slowly.
    LOG_LINES_DROPPED: "picus_log_lines_dropped_total", Counter, Count, [];
    /// Spans that ended: error_type is empty for those queued for export, queue_full for
    /// those lost because exporting was too slow.
    SPANS_PROCESSED: "otel_sdk_processor_span_processed_total", Counter, Count, ["error_type"];
    /// Spans handed to the exporter: error_type is empty for those delivered,
    /// export_failed for those lost.
    SPANS_EXPORTED: "otel_sdk_exporter_span_exported_total", Counter, Count, ["error_type"];
    /// CPU time that the process used since the sample before, of all that it could have:
    /// 1 is all of its CPUs.
    PROCESS_CPU_UTILIZATION: "process_cpu_utilization_ratio", Gauge, none, [];
    /// Physical memory in use by the process.
    PROCESS_MEMORY_USAGE: "process_memory_usage_bytes", Gauge, Bytes, [];
    /// Files and sockets that the process has open.
    PROCESS_FILE_DESCRIPTORS: "process_unix_file_descriptors", Gauge, Count, [];
    /// Time since the process started.
    PROCESS_UPTIME: "process_uptime_seconds", Gauge, Seconds, [];
    /// Threads that serve requests, each with a runtime of its own.
    RUNTIME_WORKERS: "picus_runtime_workers", Gauge, Count, [];
    /// Time that the threads which serve requests were busy since the sample before: 1 is
    /// all of them, all the time.
    RUNTIME_UTILIZATION: "picus_runtime_utilization_ratio", Gauge, none, [];
    /// Tasks of the threads that serve requests: connections, mostly.
    RUNTIME_ALIVE_TASKS: "picus_runtime_alive_tasks", Gauge, Count, [];
    /// Tasks handed from outside to the threads that serve requests, and not yet begun.
    RUNTIME_QUEUE_DEPTH: "picus_runtime_queue_depth", Gauge, Count, [];
    /// Always 1; the labels say which build this is.
    BUILD_INFO: "picus_build_info", Gauge, none, ["service_name", "service_version"];
}

/// Tells this process's recorder of each metric's unit and meaning.
pub fn describe() {
    for &Metric { name, kind, unit, help, .. } in ALL {
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
