//! Receives spans from the programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::span::Span;
use crate::server::{Body, Server, full};

/// The largest delivery.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A collector that runs until it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Its address.
    pub address: SocketAddr,
    /// The spans, one delivery at a time.
    pub spans: mpsc::UnboundedReceiver<Vec<Span>>,
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
        let (tell, spans) = mpsc::unbounded_channel();
        let server = Server::start(listener, move |request, _| {
            let tell = tell.clone();
            async move { Ok(take(request, &tell).await) }
        })?;
        Ok(Self { address, spans, _server: server })
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

async fn take(
    request: Request<Incoming>,
    tell: &mpsc::UnboundedSender<Vec<Span>>,
) -> Response<Body> {
    // An empty response refuses nothing.
    let mut response = Response::new(full(Bytes::new()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    *response.status_mut() = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/traces") => match read(request.into_body()).await {
            Some(spans) => {
                // The receiver may be gone.
                let _ = tell.send(spans);
                StatusCode::OK
            }
            None => StatusCode::BAD_REQUEST,
        },
        // Distributions of durations, which nobody uses here.
        (&Method::POST, "/v1/metrics") => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    };
    response
}

async fn read(body: Incoming) -> Option<Vec<Span>> {
    let body = Limited::new(body, MAX_BYTES).collect().await.ok()?;
    let request = ExportTraceServiceRequest::decode(body.to_bytes()).ok()?;
    Some(request.resource_spans.into_iter().flat_map(Span::of_resource).collect())
}
