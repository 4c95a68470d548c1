//! Every metric that Picus emits. A metric that is not declared here is not emitted.
//!
//! Names, units, instruments and labels follow OpenTelemetry's semantic conventions ([`conventions::VERSION`]) for
//! HTTP servers, database clients, functions, processes and SDKs. A name that the conventions do not have begins with
//! `picus`. `conventions/deviations.yaml` lists each exception with its reason.

#![expect(clippy::doc_markdown, reason = "a metric's doc comment is its HELP, which is plain text")]

pub mod conventions;
pub mod registry;
pub mod spans;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The instrument that OpenTelemetry measures a metric with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks. Prometheus calls it a gauge.
    UpDownCounter,
    /// A value that grows and shrinks. Adding up the values of several processes makes no sense.
    Gauge,
    /// A distribution. These are the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Prometheus' name, which ends with the unit.
    pub name: &'static str,
    /// OpenTelemetry's name.
    pub otel_name: &'static str,
    /// The instrument.
    pub kind: Kind,
    /// CloudWatch's unit; `None` for a ratio, and where CloudWatch has no such unit.
    pub unit: Option<Unit>,
    /// OpenTelemetry's unit (UCUM).
    pub otel_unit: &'static str,
    /// OpenTelemetry's attributes, with `_` for each dot. Each has few possible values.
    pub labels: &'static [&'static str],
    /// The HELP text.
    pub help: &'static str,
    /// CloudWatch gets one distribution for each set of values of these labels, and computes percentiles from it.
    /// Empty if CloudWatch gets no distribution.
    pub percentiles_by: &'static [&'static str],
}

/// OpenTelemetry's recommended bounds for HTTP request durations, in seconds.
const REQUEST_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// OpenTelemetry's recommended bounds for database calls, and two more, because DynamoDB answers in 1 to 5 ms.
const CALL_SECONDS: &[f64] = &[0.001, 0.002, 0.003, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
const KEYS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 100.0];
const CAPACITY_UNITS: &[f64] = &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Declares each metric once: as a constant, whose doc comment is its HELP, and as an entry of [`ALL`].
macro_rules! catalogue {
    ($(
        $(#[doc = $help:literal])+
        $constant:ident: $otel_name:literal in $otel_unit:literal, $kind:ident $(($bounds:ident))?
            => $name:literal, $unit:ident, [$($label:literal),*]
            $(, percentiles by [$($by:literal),*])?;
    )+) => {
        $(
            $(#[doc = $help])+
            pub const $constant: Metric = Metric {
                name: $name,
                otel_name: $otel_name,
                kind: Kind::$kind $(($bounds))?,
                unit: catalogue!(@unit $unit),
                otel_unit: $otel_unit,
                labels: &[$($label),*],
                help: concat!($($help),+).trim_ascii(),
                percentiles_by: &[$($($by),*)?],
            };
        )+

        /// Every metric.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
    (@unit none) => { None };
    (@unit $unit:ident) => { Some(Unit::$unit) };
}

catalogue! {
    /// Time from a request's head to the last byte of its response. error_type is empty unless the service failed.
    HTTP_SERVER_REQUEST_DURATION: "http.server.request.duration" in "s", Histogram(REQUEST_SECONDS)
        => "http_server_request_duration_seconds", Seconds,
        ["http_request_method", "url_scheme", "http_route", "http_response_status_code", "error_type"],
        percentiles by ["http_route"];
    /// Requests in flight.
    HTTP_SERVER_ACTIVE_REQUESTS: "http.server.active_requests" in "{request}", UpDownCounter
        => "http_server_active_requests", Count, [];
    /// Requests that count for the latency SLO: each one for items that the service answered without a failure of its
    /// own, and each one whose client gave up after the SLO's time.
    REQUESTS_MEASURED: "picus.requests.measured" in "{request}", Counter
        => "picus_requests_measured_total", Count, ["http_route"];
    /// Measured requests whose response began within the latency SLO's time.
    REQUESTS_WITHIN_OBJECTIVE: "picus.requests.within_objective" in "{request}", Counter
        => "picus_requests_within_objective_total", Count, ["http_route"];
    /// Requests for items that were answered with 5xx. Without a failure there is no series.
    REQUESTS_FAILED: "picus.requests.failed" in "{request}", Counter
        => "picus_requests_failed_total", Count, ["http_route"];
    /// Requests refused with 503 because too many were in flight, or too many bytes.
    REQUESTS_SHED: "picus.requests.shed" in "{request}", Counter
        => "picus_requests_shed_total", Count, [];
    /// Requests answered with 504 because their deadline passed.
    REQUESTS_TIMED_OUT: "picus.requests.timed_out" in "{request}", Counter
        => "picus_requests_timed_out_total", Count, [];
    /// Invocations of the function that waited for a new environment to start.
    FAAS_COLDSTARTS: "faas.coldstarts" in "{coldstart}", Counter
        => "faas_coldstarts_total", Count, ["faas_trigger"];
    /// Duration of a call to DynamoDB, retries included. error_type is empty on success.
    DB_CLIENT_OPERATION_DURATION: "db.client.operation.duration" in "s", Histogram(CALL_SECONDS)
        => "db_client_operation_duration_seconds", Seconds,
        ["db_system_name", "db_operation_name", "error_type"],
        percentiles by ["db_system_name", "db_operation_name"];
    /// Attempts to call DynamoDB, first attempts included.
    DYNAMODB_ATTEMPTS: "picus.dynamodb.attempts" in "{attempt}", Counter
        => "picus_dynamodb_attempts_total", Count, ["db_operation_name"];
    /// Attempts to call DynamoDB after the first one.
    DYNAMODB_RETRIES: "picus.dynamodb.retries" in "{attempt}", Counter
        => "picus_dynamodb_retries_total", Count, ["db_operation_name"];
    /// Attempts that DynamoDB throttled.
    DYNAMODB_THROTTLES: "picus.dynamodb.throttles" in "{attempt}", Counter
        => "picus_dynamodb_throttles_total", Count, ["db_operation_name"];
    /// Capacity units that a call to DynamoDB consumed.
    DYNAMODB_CONSUMED_CAPACITY: "picus.dynamodb.consumed_capacity_units" in "{capacity_unit}",
        Histogram(CAPACITY_UNITS)
        => "picus_dynamodb_consumed_capacity_units", none, ["db_operation_name"];
    /// Keys that a call to DynamoDB asked for in which reads were gathered.
    READS_BATCH_SIZE: "picus.reads.batch_size" in "{key}", Histogram(KEYS)
        => "picus_reads_batch_size", Count, [];
    /// Time that a read waited for others to end before it was sent with those that waited too.
    READS_WAIT_DURATION: "picus.reads.wait.duration" in "s", Histogram(CALL_SECONDS)
        => "picus_reads_wait_duration_seconds", Seconds, [];
    /// Items sent in list responses.
    ITEMS_LISTED: "picus.items.listed" in "{item}", Counter
        => "picus_items_listed_total", Count, [];
    /// Bytes sent in list responses.
    BYTES_LISTED: "picus.bytes.listed" in "By", Counter
        => "picus_bytes_listed_total", Bytes, [];
    /// Log lines dropped because stdout was too slow.
    LOG_LINES_DROPPED: "picus.log.lines.dropped" in "{line}", Counter
        => "picus_log_lines_dropped_total", Count, [];
    /// Spans that ended. error_type is empty for those handed to the exporter, and queue_full for those dropped
    /// because exporting was too slow.
    SPANS_PROCESSED: "otel.sdk.processor.span.processed" in "{span}", Counter
        => "otel_sdk_processor_span_processed_total", Count, ["error_type"];
    /// Spans handed to the exporter. error_type is empty for those delivered, export_failed for those lost on the
    /// way, and rejected for those that the collector refused.
    SPANS_EXPORTED: "otel.sdk.exporter.span.exported" in "{span}", Counter
        => "otel_sdk_exporter_span_exported_total", Count, ["error_type"];
    /// Share of the process's CPUs that it used since the last sample, by mode. Both modes together are 1 when all
    /// CPUs were busy all the time.
    PROCESS_CPU_UTILIZATION: "process.cpu.utilization" in "1", Gauge
        => "process_cpu_utilization_ratio", none, ["cpu_mode"];
    /// Physical memory that the process uses.
    PROCESS_MEMORY_USAGE: "process.memory.usage" in "By", UpDownCounter
        => "process_memory_usage_bytes", Bytes, [];
    /// Files and sockets that the process has open.
    PROCESS_FILE_DESCRIPTORS: "process.unix.file_descriptor.count" in "{file_descriptor}", UpDownCounter
        => "process_unix_file_descriptor_count", Count, [];
    /// Time since the process started.
    PROCESS_UPTIME: "process.uptime" in "s", Gauge
        => "process_uptime_seconds", Seconds, [];
    /// Threads that serve requests. Each has its own runtime.
    RUNTIME_WORKERS: "picus.runtime.workers" in "{thread}", UpDownCounter
        => "picus_runtime_workers", Count, [];
    /// Share of the time since the last sample that the request threads were busy. 1 means all threads, all the time.
    RUNTIME_UTILIZATION: "picus.runtime.utilization" in "1", Gauge
        => "picus_runtime_utilization_ratio", none, [];
    /// Tasks on the request threads, mostly connections.
    RUNTIME_ALIVE_TASKS: "picus.runtime.alive_tasks" in "{task}", UpDownCounter
        => "picus_runtime_alive_tasks", Count, [];
    /// Tasks handed to the request threads from outside, and not yet started.
    RUNTIME_QUEUE_DEPTH: "picus.runtime.queue_depth" in "{task}", UpDownCounter
        => "picus_runtime_queue_depth", Count, [];
    /// Always 1. The labels name the build.
    BUILD_INFO: "picus.build_info" in "{build}", Gauge
        => "picus_build_info", none, ["service_name", "service_version"];
}

/// Gives this process's recorder the unit and the HELP of each metric.
pub fn describe() {
    for &Metric { name, kind, unit, help, .. } in ALL {
        match (kind, unit) {
            (Kind::Counter, Some(unit)) => describe_counter!(name, unit, help),
            (Kind::Counter, None) => describe_counter!(name, help),
            (Kind::Gauge | Kind::UpDownCounter, Some(unit)) => describe_gauge!(name, unit, help),
            (Kind::Gauge | Kind::UpDownCounter, None) => describe_gauge!(name, help),
            (Kind::Histogram(_), Some(unit)) => describe_histogram!(name, unit, help),
            (Kind::Histogram(_), None) => describe_histogram!(name, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows OpenTelemetry, "Prometheus and OpenMetrics Compatibility": dots become underscores; the unit becomes a
    /// suffix unless the name has it already; a ratio ends with `_ratio`, and a counter with `_total`.
    fn in_prometheus(metric: &Metric) -> String {
        let name = metric.otel_name.replace('.', "_");
        let unit = match metric.otel_unit {
            "s" => "seconds",
            "By" => "bytes",
            "1" => "ratio",
            _ => "",
        };
        let has_unit = unit.is_empty() || name.split('_').any(|word| word == unit);
        let unit = if has_unit { String::new() } else { format!("_{unit}") };
        let total = if metric.kind == Kind::Counter { "_total" } else { "" };
        format!("{name}{unit}{total}")
    }

    #[test]
    fn a_metrics_two_names_say_the_same() {
        for metric in ALL {
            assert_eq!(in_prometheus(metric), metric.name);
        }
    }
}
