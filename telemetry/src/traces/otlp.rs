//! The way to a collector, by OTLP over HTTP.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_aws::detector::EcsResourceDetector;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use picus_catalogue::conventions;

use super::losses::Lost;

/// It is made when the first spans go it: to ask ECS what this task is takes time that no start should
/// wait for.
#[derive(Debug)]
pub(super) struct Otlp {
    endpoint: String,
    timeout: Duration,
    resource: Resource,
    exporter: OnceLock<Result<SpanExporter, String>>,
}

impl Otlp {
    pub(super) fn new(endpoint: String, timeout: Duration) -> Self {
        let resource = Resource::builder_empty().build();
        Self { endpoint, timeout, resource, exporter: OnceLock::new() }
    }

    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }

    /// Sends `batch`, and returns what is lost of it.
    pub(super) async fn export(&self, batch: Vec<SpanData>) -> Option<Lost> {
        let spans = batch.len();
        let made = self.exporter.get_or_init(|| self.make().map_err(|error| error.to_string()));
        let result = match made {
            Ok(exporter) => exporter.export(batch).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        result.err().map(|why| Lost { spans, why })
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
