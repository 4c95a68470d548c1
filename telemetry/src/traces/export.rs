//! Exports spans to a collector by OTLP, or to an X-Ray daemon by UDP. Each span is counted as delivered or as lost.
//! Exporting never happens on a request's thread.

use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry::{Array, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanData;

use super::Exporter;
use super::losses::Losses;
use super::otlp::Otlp;
use super::queue::Waiting;
use super::xray::Daemon;
use picus_catalogue::SPANS_PROCESSED;

const TABLES: &str = "aws.dynamodb.table_names";

/// The exporter of this kind, and the count of spans that wait for it.
pub(super) fn exporter(kind: &Exporter, timeout: Duration) -> (Waiting, Counted) {
    let way = match kind {
        Exporter::Otlp(endpoint) => Way::Otlp(Otlp::new(endpoint.clone(), timeout)),
        Exporter::XrayDaemon(address) => Way::XrayDaemon(Daemon::new(address.clone(), timeout)),
    };
    let waiting = Waiting::default();
    (waiting.clone(), Counted { way, waiting, losses: Losses::default() })
}

/// An exporter that counts each span as delivered or as lost.
#[derive(Debug)]
pub(super) struct Counted {
    way: Way,
    waiting: Waiting,
    losses: Losses,
}

#[derive(Debug)]
enum Way {
    Otlp(Otlp),
    XrayDaemon(Daemon),
}

impl opentelemetry_sdk::trace::SpanExporter for Counted {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        batch.iter_mut().for_each(list_table);
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        metrics::counter!(SPANS_PROCESSED.name).increment(spans as u64);
        let lost = match &self.way {
            Way::Otlp(otlp) => otlp.export(batch).await,
            Way::XrayDaemon(daemon) => daemon.export(batch),
        };
        self.losses.count(spans, lost.as_ref());
        lost.map_or(Ok(()), |lost| Err(OTelSdkError::InternalFailure(lost.why)))
    }

    fn set_resource(&mut self, resource: &Resource) {
        match &mut self.way {
            Way::Otlp(otlp) => otlp.set_resource(resource),
            Way::XrayDaemon(daemon) => daemon.set_resource(resource),
        }
    }
}

/// A call's tables are a list (OpenTelemetry, "Semantic conventions for AWS DynamoDB"), and X-Ray draws the table
/// only if they are. `tracing` has no lists, so this turns the text into one.
fn list_table(span: &mut SpanData) {
    for attribute in &mut span.attributes {
        if let (TABLES, Value::String(table)) = (attribute.key.as_str(), &attribute.value) {
            attribute.value = Value::Array(Array::String(vec![table.clone()]));
        }
    }
}
