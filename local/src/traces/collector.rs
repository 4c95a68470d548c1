//! Receives spans, and distributions of durations, from the programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::distribution::Distribution;
use super::span::Span;
use crate::server::{Body, Server, full};

/// The largest delivery.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// So many deliveries of distributions wait for a reader. If nobody reads them, the others are lost.
const MAX_DELIVERIES: usize = 64;

/// A collector that runs until it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Its address.
    pub address: SocketAddr,
    /// The spans, one delivery at a time.
    pub spans: mpsc::UnboundedReceiver<Vec<Span>>,
    /// The distributions, one delivery at a time.
    pub distributions: mpsc::Receiver<Vec<Distribution>>,
    _server: Server,
}

impl Collector {
    /// Starts on any free port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        Self::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
    }

    /// Starts on `listener`.
    ///
    /// # Errors
    /// A listener without an address.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (tell_spans, spans) = mpsc::unbounded_channel();
        let (tell_distributions, distributions) = mpsc::channel(MAX_DELIVERIES);
        let tell = Tell { spans: tell_spans, distributions: tell_distributions };
        let server = Server::start(listener, move |request, _| {
            let tell = tell.clone();
            async move { Ok(tell.take(request).await) }
        })?;
        Ok(Self { address, spans, distributions, _server: server })
    }

    /// Receives the same spans from now on, one delivery at a time.
    pub fn copy(&mut self) -> mpsc::UnboundedReceiver<Vec<Span>> {
        let (copy, copied) = mpsc::unbounded_channel();
        let (tell, spans) = mpsc::unbounded_channel();
        let mut all = std::mem::replace(&mut self.spans, spans);
        tokio::spawn(async move {
            while let Some(spans) = all.recv().await {
                // Either reader may be gone.
                let _ = copy.send(spans.clone());
                let _ = tell.send(spans);
            }
        });
        copied
    }

    /// The URL for programs.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Who is told what comes.
#[derive(Debug, Clone)]
struct Tell {
    spans: mpsc::UnboundedSender<Vec<Span>>,
    distributions: mpsc::Sender<Vec<Distribution>>,
}

impl Tell {
    async fn take(&self, request: Request<Incoming>) -> Response<Body> {
        let (is_post, path) = (request.method() == Method::POST, request.uri().path().to_owned());
        let body = async || {
            let body = Limited::new(request.into_body(), MAX_BYTES).collect().await;
            Some(body.ok()?.to_bytes())
        };
        let taken = match path.as_str() {
            "/v1/traces" if is_post => body().await.and_then(|body| self.take_spans(body)),
            "/v1/metrics" if is_post => body().await.and_then(|body| self.take_metrics(body)),
            _ => return answer(StatusCode::NOT_FOUND),
        };
        answer(if taken.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    }

    fn take_spans(&self, body: Bytes) -> Option<()> {
        let request = ExportTraceServiceRequest::decode(body).ok()?;
        let spans = request.resource_spans.into_iter().flat_map(Span::of_resource).collect();
        // The receiver may be gone.
        let _ = self.spans.send(spans);
        Some(())
    }

    fn take_metrics(&self, body: Bytes) -> Option<()> {
        let request = ExportMetricsServiceRequest::decode(body).ok()?;
        let all = request.resource_metrics.into_iter().flat_map(Distribution::of_resource);
        // The receiver may be gone, or may not read.
        let _ = self.distributions.try_send(all.collect());
        Some(())
    }
}

/// An empty response, which refuses nothing.
fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    *response.status_mut() = status;
    response
}
