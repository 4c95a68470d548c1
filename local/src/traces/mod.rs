//! A collector of traces, as small as it can be: it takes OTLP over HTTP from both programs
//! (OpenTelemetry Protocol Specification, "OTLP/HTTP") and hands on their spans.

mod show;
mod span;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub use show::show;
pub use span::{Attributes, Event, Span};

/// The most that one delivery may be.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A collector that takes spans for as long as its runtime goes on.
#[derive(Debug)]
pub struct Collector {
    /// Where it takes them.
    pub address: SocketAddr,
    /// The spans, a delivery at a time.
    pub spans: mpsc::UnboundedReceiver<Vec<Span>>,
}

impl Collector {
    /// Starts to take spans, on a port that the system chooses.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
    }

    /// Starts to take spans on `listener`.
    ///
    /// # Errors
    /// A listener without an address.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (tell, spans) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let tell = tell.clone();
                let take = service_fn(move |request| {
                    let tell = tell.clone();
                    async move { Ok::<_, Infallible>(take(request, &tell).await) }
                });
                // A connection that breaks is its sender's to notice.
                tokio::spawn(
                    http1::Builder::new().serve_connection(TokioIo::new(connection), take),
                );
            }
        });
        Ok(Self { address, spans })
    }

    /// The URL that programs are given.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn take(
    request: Request<Incoming>,
    tell: &mpsc::UnboundedSender<Vec<Span>>,
) -> Response<Full<Bytes>> {
    // An empty answer is one that refuses nothing.
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    *response.status_mut() = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/traces") => match read(request.into_body()).await {
            Some(spans) => {
                // Whoever asked for spans may be gone.
                let _ = tell.send(spans);
                StatusCode::OK
            }
            None => StatusCode::BAD_REQUEST,
        },
        _ => StatusCode::NOT_FOUND,
    };
    response
}

async fn read(body: Incoming) -> Option<Vec<Span>> {
    let body = Limited::new(body, MAX_BYTES).collect().await.ok()?;
    let request = ExportTraceServiceRequest::decode(body.to_bytes()).ok()?;
    Some(request.resource_spans.into_iter().flat_map(Span::of_resource).collect())
}
