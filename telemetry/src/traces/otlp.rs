//! Sends spans to a collector, by OTLP over HTTP.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_aws::detector::EcsResourceDetector;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use parking_lot::Mutex;
use picus_catalogue::conventions;
use prost::Message as _;

use super::losses::{Cause, Lost};
use crate::proxy;

/// Created with the first spans, because asking ECS about this task takes too long for a start.
#[derive(Debug)]
pub(super) struct Otlp {
    endpoint: String,
    timeout: Duration,
    resource: Resource,
    exporter: OnceLock<Result<SpanExporter, String>>,
    heard: Arc<Mutex<Option<Heard>>>,
}

/// The collector's last answer, if it was not a plain success. The SDK's exporter does not pass it on.
#[derive(Debug)]
struct Heard {
    /// How many spans of the last delivery the collector rejected.
    rejected: i64,
    why: String,
}

impl Otlp {
    pub(super) fn new(endpoint: String, timeout: Duration) -> Self {
        let resource = Resource::builder_empty().build();
        Self { endpoint, timeout, resource, exporter: OnceLock::new(), heard: Arc::default() }
    }

    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }

    /// Sends `batch`, and returns what was lost.
    pub(super) async fn export(&self, batch: Vec<SpanData>) -> Option<Lost> {
        let spans = batch.len();
        let made = self.exporter.get_or_init(|| self.make().map_err(|error| error.to_string()));
        let result = match made {
            Ok(exporter) => exporter.export(batch).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        match (result, self.heard.lock().take()) {
            (Ok(()), heard) => {
                let Heard { rejected, mut why } = heard?;
                if why.is_empty() {
                    "the collector gives no reason".clone_into(&mut why);
                }
                // A count above the number of spans is as wrong as a negative one.
                let spans = usize::try_from(rejected).ok()?.min(spans);
                (spans > 0).then_some(Lost { spans, cause: Cause::Rejected, why })
            }
            (Err(error), heard) => {
                let why = heard.map_or(error, |heard| heard.why);
                Some(Lost { spans, cause: Cause::ExportFailed, why })
            }
        }
    }

    fn make(&self) -> Result<SpanExporter, ExporterBuildError> {
        let proxy = proxy::to(&self.endpoint);
        let way = proxy::way(&self.endpoint, proxy.as_ref());
        let agent = ureq::Agent::config_builder()
            .proxy(proxy)
            .timeout_global(Some(self.timeout))
            // The exporter reads the body of every answer, whatever its status.
            .http_status_as_error(false)
            .build();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Http { agent: agent.into(), way, heard: self.heard.clone() })
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

/// A blocking HTTP client: the exporter has a thread of its own.
#[derive(Debug)]
struct Http {
    agent: ureq::Agent,
    /// The way to the collector, for log lines.
    way: String,
    heard: Arc<Mutex<Option<Heard>>>,
}

impl Http {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(64 * 1024).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let result = self.send(request);
        let failed = |why: &dyn Display| Heard { rejected: 0, why: format!("{}: {why}", self.way) };
        *self.heard.lock() = match &result {
            Err(error) => Some(failed(error)),
            Ok(answer) if !answer.status().is_success() => Some(failed(&answer.status())),
            // An answer that can't be decoded rejects nothing.
            Ok(answer) => ExportTraceServiceResponse::decode(answer.body().clone())
                .ok()
                .and_then(|answer| answer.partial_success)
                .map(|part| Heard { rejected: part.rejected_spans, why: part.error_message }),
        };
        Ok(result?)
    }
}
