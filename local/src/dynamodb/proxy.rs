//! Every call passes here on its way to the engine. It goes through the current fault ([`DynamoDbFault`]), then its
//! role's policy ([`super::permissions`]), then the metrics that DynamoDB reports to CloudWatch ([`super::metrics`]).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::{Mutex, MutexGuard};
use serde_json::json;
use tokio::time;

use super::metrics::Reporter;
use super::partial::Partial;
use super::permissions::{Calls, Permissions};
use super::taken_name;
use crate::server::{Body, BrokenOff, full};

/// DynamoDB's own limit for a request.
const MAX_BYTES: usize = 16 << 20;

/// A fault of DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DynamoDbFault {
    /// Connections end without a response.
    Unreachable,
    /// One in this many calls is throttled.
    Throttles(u32),
    /// One in this many calls fails inside DynamoDB.
    Fails(u32),
    /// One in this many calls is refused for a missing permission.
    Denies(u32),
    /// Each call of this operation is refused for a missing permission.
    DeniesOperation(&'static str),
    /// Each call of this operation takes this much longer.
    SlowOperation(&'static str, Duration),
    /// Each page but the first of a list takes this much longer.
    SlowPages(Duration),
    /// One in this many calls takes this much longer.
    Slow(u32, Duration),
}

/// Stands before the engine.
#[derive(Debug)]
pub(super) struct Proxy {
    engine: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    permissions: Permissions,
    fault: Mutex<Option<DynamoDbFault>>,
    number: AtomicU32,
    reporter: Reporter,
}

impl Proxy {
    pub(super) fn new(engine: SocketAddr, permissions: Permissions, reporter: Reporter) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self {
            engine,
            client,
            permissions,
            fault: Mutex::default(),
            number: AtomicU32::new(0),
            reporter,
        }
    }

    /// Sets a fault, or ends it.
    pub(super) fn set_fault(&self, fault: Option<DynamoDbFault>) {
        *self.fault() = fault;
    }

    /// All calls so far, with their roles.
    pub(super) fn calls(&self) -> Calls {
        self.permissions.calls()
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, BrokenOff> {
        let started = Instant::now();
        let (mut head, body) = request.into_parts();
        let fault = *self.fault();
        // A health check of the endpoint is not a call: it is neither refused nor counted.
        if head.method == Method::GET && fault != Some(DynamoDbFault::Unreachable) {
            return Ok(Response::new(full(Bytes::from_static(b"healthy: dynamodb"))));
        }
        let operation = operation(&head).to_owned();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let struck = |one_in: u32| number.is_multiple_of(one_in);
        let throttled = matches!(fault, Some(DynamoDbFault::Throttles(one_in)) if struck(one_in));
        match fault {
            Some(DynamoDbFault::Unreachable) => return Err(BrokenOff),
            Some(DynamoDbFault::Fails(one_in)) if struck(one_in) => {
                self.reporter.failed(&operation);
                let mut answer = refusal("InternalServerError", "Something went wrong");
                *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                return Ok(answer);
            }
            Some(DynamoDbFault::Denies(one_in)) if struck(one_in) => {
                return Ok(refusal("AccessDeniedException", "Not for you"));
            }
            Some(DynamoDbFault::DeniesOperation(denied)) if operation == denied => {
                return Ok(refusal("AccessDeniedException", "Not for you"));
            }
            Some(DynamoDbFault::Slow(one_in, more)) if struck(one_in) => time::sleep(more).await,
            Some(DynamoDbFault::SlowOperation(slow, more)) if operation == slow => {
                time::sleep(more).await;
            }
            _ => {}
        }
        let Ok(body) = Limited::new(body, MAX_BYTES).collect().await else {
            return Ok(refusal("SerializationException", "The request is too large."));
        };
        let body = body.to_bytes();
        if let Some(DynamoDbFault::SlowPages(more)) = fault
            && str::from_utf8(&body).is_ok_and(|body| body.contains("\"ExclusiveStartKey\""))
        {
            time::sleep(more).await;
        }
        if let Err(denied) = self.permissions.check(&head.headers, &operation, &body) {
            return Ok(refusal(denied.kind, &denied.message));
        }
        let partial = throttled.then(|| Partial::of(&body));
        if let Some(None) = partial {
            self.reporter.throttled(&operation);
            return Ok(refusal("ProvisionedThroughputExceededException", "Slower, please"));
        }
        let answer = if let Some(partial) = partial.flatten() {
            self.reporter.throttled_in_part(partial.unread);
            head.headers.insert(CONTENT_LENGTH, partial.read.len().into());
            let mut answer = self.pass_on(head, partial.read.clone()).await?;
            let body = partial.answer(answer.body());
            answer.headers_mut().insert(CONTENT_LENGTH, body.len().into());
            *answer.body_mut() = body;
            answer
        } else {
            self.pass_on(head, body).await?
        };
        self.reporter.answered(&operation, &answer, started.elapsed());
        Ok(answer.map(full))
    }

    async fn pass_on(&self, mut head: Parts, body: Bytes) -> Result<Response<Bytes>, BrokenOff> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("http://{}{path}", self.engine);
        head.uri = uri.parse::<Uri>().map_err(|_| BrokenOff)?;
        let request = Request::from_parts(head, Full::new(taken_name::hide(body)));
        let answer = self.client.request(request).await.map_err(|_| BrokenOff)?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
        Ok(Response::from_parts(head, taken_name::show(body)))
    }

    fn fault(&self) -> MutexGuard<'_, Option<DynamoDbFault>> {
        self.fault.lock()
    }
}

/// `DynamoDB_20120810.GetItem` is `GetItem`.
fn operation(head: &Parts) -> &str {
    let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    target.and_then(|target| target.split('.').nth(1)).unwrap_or_default()
}

/// A refusal in DynamoDB's format.
fn refusal(kind: &str, message: &str) -> Response<Body> {
    let body =
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message});
    let mut response = Response::new(full(body.to_string().into()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let form = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
