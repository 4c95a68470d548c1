//! The metrics that DynamoDB reports to CloudWatch for a table ("DynamoDB metrics and dimensions").

use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde::Deserialize;

use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;

/// The parts of a response outside the items. Clients choose the names within items.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answered {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(rename = "ConsumedCapacity")]
    consumed_capacity: Option<Consumed>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Consumed {
    ByTheTable(ConsumedCapacity),
    /// Of a batch, by each of its tables.
    ByTables(Vec<ConsumedCapacity>),
}

#[derive(Debug, Deserialize)]
struct ConsumedCapacity {
    #[serde(rename = "CapacityUnits")]
    units: f64,
}

/// Reports calls to `metrics`.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) table: String,
    pub(super) sink: MetricSink,
}

impl Reporter {
    /// A call was throttled.
    pub(super) fn throttled(&self, operation: &str) {
        let events = if reads(operation) { "ReadThrottleEvents" } else { "WriteThrottleEvents" };
        self.record(events, None, 1.0);
        self.record("ThrottledRequests", Some(operation), 1.0);
    }

    /// Of a batch, some keys were refused for the rate of calls.
    pub(super) fn throttled_in_part(&self, keys: usize) {
        for _ in 0..keys {
            self.record("ReadThrottleEvents", None, 1.0);
        }
    }

    /// A call failed inside DynamoDB.
    pub(super) fn failed(&self, operation: &str) {
        self.record("SystemErrors", Some(operation), 1.0);
    }

    /// A call was answered.
    pub(super) fn answered(&self, operation: &str, answer: &Response<Bytes>, took: Duration) {
        if !self.sink.is_on() {
            return;
        }
        let body: Answered = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status() != StatusCode::OK {
            if body.kind.ends_with("ConditionalCheckFailedException") {
                self.record("ConditionalCheckFailedRequests", None, 1.0);
            }
            return;
        }
        self.record("SuccessfulRequestLatency", Some(operation), took.as_secs_f64() * 1e3);
        let units = match body.consumed_capacity {
            Some(Consumed::ByTheTable(ConsumedCapacity { units })) => Some(units),
            Some(Consumed::ByTables(tables)) => Some(tables.iter().map(|table| table.units).sum()),
            None => None,
        };
        if let Some(units) = units {
            let consumed = if reads(operation) {
                "ConsumedReadCapacityUnits"
            } else {
                "ConsumedWriteCapacityUnits"
            };
            self.record(consumed, None, units);
        }
    }

    fn record(&self, name: &str, operation: Option<&str>, value: f64) {
        let operation = operation.map(|operation| ("Operation", operation));
        let dimensions: Vec<_> =
            [("TableName", self.table.as_str())].into_iter().chain(operation).collect();
        self.sink.record(Metric::new("AWS/DynamoDB", name, &dimensions), value);
    }
}

fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Scan")
}
