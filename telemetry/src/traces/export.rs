//! The exporters: spans go to a collector by OTLP, or to an X-Ray daemon by UDP. Both are counted,
//! and none ever runs on a request's thread.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_aws::detector::EcsResourceDetector;
use opentelemetry_aws::xray_exporter::daemon_client::XrayDaemonClient;
use opentelemetry_aws::xray_exporter::{SegmentTranslator, XrayExporter};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::Exporter;
use super::queue::Waiting;
use crate::error::InitError;
use picus_catalogue::{SPANS_EXPORTED, SPANS_PROCESSED, conventions};

/// The attributes by which X-Ray finds a trace: its annotations. Those of `otel-collector.yaml`.
const ANNOTATIONS: [&str; 5] =
    ["error.code", "error.type", "http.route", "object_id", "request_id"];

const TABLES: &str = "aws.dynamodb.table_names";

/// The exporter that is asked for, and the count of spans that wait for it.
pub(super) fn exporter(
    kind: &Exporter,
    timeout: Duration,
) -> Result<(Waiting, Counted), InitError> {
    let way = match kind {
        Exporter::Otlp(endpoint) => {
            let exporter = OnceLock::new();
            Way::Otlp(Otlp {
                endpoint: endpoint.clone(),
                timeout,
                resource: Resource::builder_empty().build(),
                exporter,
            })
        }
        Exporter::XrayDaemon(address) => Way::XrayDaemon(daemon(*address)?),
    };
    let waiting = Waiting::default();
    Ok((waiting.clone(), Counted { way, waiting, failing: AtomicBool::new(false) }))
}

fn daemon(address: SocketAddr) -> Result<XrayExporter<XrayDaemonClient>, InitError> {
    let client = XrayDaemonClient::new(address)
        .map_err(|source| InitError::XrayDaemon { address, source })?;
    let translator = SegmentTranslator::new()
        .with_indexed_attrs(ANNOTATIONS.map(str::to_owned))
        .metadata_all_attrs()
        // A `traceparent` has any id, and X-Ray takes it.
        .skip_timestamp_validation();
    Ok(XrayExporter::new(client).with_translator(translator))
}

/// An exporter whose every span is counted, delivered or lost.
#[derive(Debug)]
pub(super) struct Counted {
    way: Way,
    waiting: Waiting,
    failing: AtomicBool,
}

#[derive(Debug)]
enum Way {
    Otlp(Otlp),
    XrayDaemon(XrayExporter<XrayDaemonClient>),
}

impl opentelemetry_sdk::trace::SpanExporter for Counted {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        batch.iter_mut().for_each(list_table);
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        metrics::counter!(SPANS_PROCESSED.name).increment(spans as u64);
        let result = match &self.way {
            Way::Otlp(otlp) => otlp.export(batch).await,
            Way::XrayDaemon(daemon) => {
                batch.iter_mut().for_each(tell_status);
                batch.iter_mut().for_each(mark_refusal);
                daemon.export(batch).await
            }
        };
        let failed = result.is_err();
        if failed {
            metrics::counter!(SPANS_EXPORTED.name, "error_type" => "export_failed")
                .increment(spans as u64);
        } else {
            metrics::counter!(SPANS_EXPORTED.name).increment(spans as u64);
        }
        // Said once when it begins and once when it ends; in between, the counter tells.
        if self.failing.swap(failed, Ordering::Relaxed) != failed {
            match &result {
                Ok(()) => tracing::info!("spans are delivered again"),
                Err(error) => {
                    tracing::warn!(exception.message = %error, "spans can not be delivered, and are lost");
                }
            }
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        match &mut self.way {
            Way::Otlp(otlp) => otlp.resource = resource.clone(),
            Way::XrayDaemon(daemon) => daemon.set_resource(resource),
        }
    }
}

/// The tables of a call are a list (OpenTelemetry, "Semantic conventions for AWS DynamoDB"), which
/// `tracing` has no form for; X-Ray draws the table only from one.
fn list_table(span: &mut SpanData) {
    for attribute in &mut span.attributes {
        if let (TABLES, Value::String(table)) = (attribute.key.as_str(), &attribute.value) {
            attribute.value = Value::Array(Array::String(vec![table.clone()]));
        }
    }
}

/// X-Ray tells errors, faults and throttles by the status of HTTP, and a throttle by 429 alone, where DynamoDB answers
/// 400. The collector does the same (`otel-collector.yaml`).
fn tell_status(span: &mut SpanData) {
    let text = |name: &str| {
        let mut attributes = span.attributes.iter();
        let found = attributes.find(|attribute| attribute.key.as_str() == name)?;
        Some(found.value.as_str())
    };
    let Some(status) = text("db.response.status_code") else { return };
    let throttled = text("error.type").is_some_and(|error| error == "throttled");
    let status = if throttled { Some(429) } else { status.parse().ok() };
    let status = status.map(|status: i64| KeyValue::new("http.response.status_code", status));
    span.attributes.extend(status);
}

/// A request that was refused is an error of the client's, which OpenTelemetry leaves unmarked and
/// X-Ray paints yellow (AWS X-Ray Developer Guide, "Errors, faults, and exceptions"). A collector does
/// that by the status alone.
fn mark_refusal(span: &mut SpanData) {
    let refused = span.attributes.iter().any(|attribute| {
        attribute.key.as_str() == "http.response.status_code"
            && matches!(attribute.value, Value::I64(400..=499))
    });
    if refused && span.status == Status::Unset {
        span.status = Status::error("");
    }
}

/// The way to a collector, made when the first spans go it: to ask ECS what this task is takes time
/// that no start should wait for.
#[derive(Debug)]
struct Otlp {
    endpoint: String,
    timeout: Duration,
    resource: Resource,
    exporter: OnceLock<Result<SpanExporter, String>>,
}

impl Otlp {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let made = self.exporter.get_or_init(|| self.make().map_err(|error| error.to_string()));
        match made {
            Ok(exporter) => exporter.export(batch).await,
            Err(error) => Err(OTelSdkError::InternalFailure(error.clone())),
        }
    }

    fn make(&self) -> Result<SpanExporter, ExporterBuildError> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(self.timeout))
            // An answer other than 2xx is read, too: the exporter judges it.
            .http_status_as_error(false)
            .build();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Http(agent.into()))
            .with_endpoint(&self.endpoint)
            .with_timeout(self.timeout)
            .build()?;
        let detected = Resource::builder_empty().with_detector(Box::new(EcsResourceDetector));
        let own = self.resource.iter();
        let own = own.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let described = detected.with_attributes(own).with_schema_url([], conventions::SCHEMA_URL);
        exporter.set_resource(&described.build());
        Ok(exporter)
    }
}

/// A plain HTTP client that blocks: the exporter's thread has nothing else to do.
#[derive(Debug)]
struct Http(ureq::Agent);

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(64 * 1024).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}
