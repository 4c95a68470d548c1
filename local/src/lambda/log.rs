//! Lambda's own lines in the function's log stream: JSON at the level INFO, as the function's `LoggingConfig` says.
//! The Lambda Developer Guide defines them in "Lambda Telemetry API `Event` schema reference", and their levels in
//! "System log level event mapping". The lines about starts and successful runs have the level DEBUG, so they are not
//! written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::function::{Function, InvokeError};
use crate::output::Output;

/// Writes the lines of one invocation.
#[derive(Debug)]
pub(super) struct Log<'a> {
    output: &'a Output,
    function: &'a Function,
    trace: &'a str,
    request_id: String,
}

impl<'a> Log<'a> {
    pub(super) fn new(output: &'a Output, function: &'a Function, trace: &'a str) -> Self {
        Self { output, function, trace, request_id: Uuid::new_v4().to_string() }
    }

    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// An environment starts for the invocation.
    pub(super) fn init_start(&self) {
        self.write(
            "platform.initStart",
            &json!({
                "initializationType": "on-demand", "phase": "init",
                "runtimeVersion": "provided:al2023.v1",
                "functionName": self.function.name, "functionVersion": "$LATEST",
                "instanceMaxMemory": u64::from(self.function.memory_mb) << 20,
            }),
        );
    }

    /// That environment did not start, so the invocation failed.
    pub(super) fn init_failed(&self, error: &InvokeError, took: Duration) {
        let mut record = status(Some(error));
        record.insert("initializationType".to_owned(), json!("on-demand"));
        record.insert("phase".to_owned(), json!("init"));
        record.insert("metrics".to_owned(), json!({ "durationMs": milliseconds(took) }));
        self.write("platform.initReport", &record.into());
        self.start();
        self.end(&Err(error.clone()), took, None, 0);
    }

    pub(super) fn start(&self) {
        self.write("platform.start", &self.of_request(json!({ "version": "$LATEST" })));
    }

    pub(super) fn end(
        &self,
        outcome: &Result<Bytes, InvokeError>,
        took: Duration,
        init: Option<Duration>,
        max_memory_mb: u64,
    ) {
        let took = took.min(self.function.timeout);
        let billed = u64::try_from(took.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let took = milliseconds(took);
        let mut record = status(outcome.as_ref().err());
        record.insert("metrics".to_owned(), json!({ "durationMs": took }));
        if outcome.is_err() {
            self.write("platform.runtimeDone", &self.of_request(record.clone().into()));
        }
        let mut metrics = json!({
            "durationMs": took, "billedDurationMs": billed,
            "memorySizeMB": self.function.memory_mb, "maxMemoryUsedMB": max_memory_mb,
        });
        if let Some(init) = init {
            metrics["initDurationMs"] = json!(milliseconds(init));
        }
        record.insert("metrics".to_owned(), metrics);
        self.write("platform.report", &self.of_request(record.into()));
    }

    fn of_request(&self, mut record: Value) -> Value {
        record["requestId"] = json!(self.request_id);
        record["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": self.trace });
        record
    }

    fn write(&self, kind: &str, record: &Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = json!({ "time": timestamp(now), "type": kind, "record": record });
        self.output.line("delete-handler", &line.to_string());
    }
}

fn status(error: Option<&InvokeError>) -> Map<String, Value> {
    let (status, error_type) = match error {
        None => ("success", None),
        Some(InvokeError::TimedOut) => ("timeout", None),
        Some(InvokeError::Failed) => ("error", Some("Function.Unknown")),
        Some(InvokeError::Exited | InvokeError::Throttled) => ("error", Some("Runtime.ExitError")),
    };
    let mut record = Map::new();
    record.insert("status".to_owned(), json!(status));
    record.extend(error_type.map(|word| ("errorType".to_owned(), json!(word))));
    record
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Lambda always writes three decimals.
fn timestamp(since_1970: Duration) -> String {
    let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    // Fails only for years after 9999.
    let text = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    format!("{}.{:03}Z", text.trim_end_matches('Z'), since_1970.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_always_has_three_decimals() {
        for (milliseconds, decimals) in [(0, "000"), (500, "500"), (678, "678"), (70, "070")] {
            let since_1970 =
                Duration::from_secs(1_767_323_045) + Duration::from_millis(milliseconds);
            assert_eq!(timestamp(since_1970), format!("2026-01-02T03:04:05.{decimals}Z"));
        }
    }
}
