//! A front to DynamoDB that tells CloudWatch what DynamoDB does ("DynamoDB metrics and dimensions"),
//! and makes those faults that a table of one's own machine never has.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time;

use super::TABLE;
use crate::cloudwatch::meter::Meter;
use crate::cloudwatch::metric::Metric;

/// What is wrong with DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Connections end without an answer.
    Unreachable,
    /// One in so many calls is refused for the rate of calls.
    Throttles(u32),
    /// One in so many calls is refused for a lack of permission.
    Denies(u32),
    /// One in so many calls takes so much longer.
    Slow(u32, Duration),
}

/// The front, until it is dropped.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    door: Arc<Door>,
    served: JoinHandle<()>,
}

#[derive(Debug)]
struct Door {
    behind: String,
    client: Client<HttpConnector, Full<Bytes>>,
    fault: Mutex<Option<Fault>>,
    calls: AtomicU32,
    meter: Meter,
}

/// A connection that is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken off")]
struct BrokenOff;

impl Front {
    /// Serves on a port of its own what `behind` serves.
    pub(crate) async fn start(behind: &str, meter: Meter) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let door = Arc::new(Door {
            behind: behind.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            fault: Mutex::default(),
            calls: AtomicU32::new(0),
            meter,
        });
        let served = tokio::spawn({
            let door = door.clone();
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let door = door.clone();
                    let answer = service_fn(move |request| {
                        let door = door.clone();
                        async move { door.answer(request).await }
                    });
                    // A connection that breaks is its caller's to tell.
                    tokio::spawn(
                        http1::Builder::new().serve_connection(TokioIo::new(connection), answer),
                    );
                }
            }
        });
        Ok(Self { address, door, served })
    }

    /// From now on, this is wrong.
    pub(crate) fn fault(&self, fault: Option<Fault>) {
        *self.door.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BrokenOff> {
        let target = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
        let operation = target.and_then(|name| name.rsplit('.').next()).unwrap_or("").to_owned();
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let struck = |one_in: u32| number.is_multiple_of(one_in);
        match fault {
            Some(Fault::Unreachable) => return Err(BrokenOff),
            Some(Fault::Throttles(one_in)) if struck(one_in) => {
                self.throttled(&operation);
                return Ok(refused("ProvisionedThroughputExceededException"));
            }
            Some(Fault::Denies(one_in)) if struck(one_in) => {
                return Ok(refused("AccessDeniedException"));
            }
            Some(Fault::Slow(one_in, more)) if struck(one_in) => time::sleep(more).await,
            _ => {}
        }
        let started = Instant::now();
        let answer = self.pass_on(request).await?;
        self.answered(&operation, &answer, started.elapsed());
        Ok(answer.map(Full::new))
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Result<Response<Bytes>, BrokenOff> {
        let (mut head, body) = request.into_parts();
        let uri = format!("{}{}", self.behind, head.uri.path());
        head.uri = uri.parse::<Uri>().map_err(|_| BrokenOff)?;
        let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
        let request = Request::from_parts(head, Full::new(body));
        let answer = self.client.request(request).await.map_err(|_| BrokenOff)?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    fn throttled(&self, operation: &str) {
        let events = match operation {
            "GetItem" | "Scan" => "ReadThrottleEvents",
            _ => "WriteThrottleEvents",
        };
        self.record(events, None, 1.0);
        self.record("ThrottledRequests", Some(operation), 1.0);
    }

    fn answered(&self, operation: &str, answer: &Response<Bytes>, took: Duration) {
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status() != StatusCode::OK {
            let kind = body["__type"].as_str().unwrap_or_default();
            if kind.ends_with("ConditionalCheckFailedException") {
                self.record("ConditionalCheckFailedRequests", None, 1.0);
            }
            return;
        }
        self.record("SuccessfulRequestLatency", Some(operation), took.as_secs_f64() * 1e3);
        if let Some(units) = body["ConsumedCapacity"]["CapacityUnits"].as_f64() {
            let name = match operation {
                "GetItem" | "Scan" => "ConsumedReadCapacityUnits",
                _ => "ConsumedWriteCapacityUnits",
            };
            self.record(name, None, units);
        }
    }

    fn record(&self, name: &str, operation: Option<&str>, value: f64) {
        let table = ("TableName", TABLE);
        let metric = match operation {
            Some(operation) => {
                Metric::new("AWS/DynamoDB", name, &[table, ("Operation", operation)])
            }
            None => Metric::new("AWS/DynamoDB", name, &[table]),
        };
        self.meter.record(metric, value);
    }
}

fn refused(kind: &str) -> Response<Full<Bytes>> {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"refused by the front"}}"#
    );
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let form = hyper::header::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
