//! Sends a request to its target, and the response back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::mpsc::UnboundedSender;

use super::access::{Access, Entry};
use super::answer::error;
use super::attributes::Attributes;
use super::body::{FromClient, FromTarget, Progress};
use super::metrics::Metrics;
use super::rules::{Action, Listener};
use super::target_group::TargetGroup;
use super::{event, headers, refuse};
use crate::iam::{ACCOUNT, REGION};
use crate::lambda::Lambda;
use crate::server::{Body, MAX_BUFFER};
use picus_cloudwatch::metric_sink::MetricSink;

/// The longest time to connect to a target.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers requests by the listener's rules.
#[derive(Debug)]
pub struct Forwarder {
    listener: Listener,
    port: u16,
    client: Client<HttpConnector, Body>,
    attributes: Attributes,
    metrics: Metrics,
    access_log: Option<UnboundedSender<Access>>,
}

/// When dropped, reports a client that left before its response: AWS's documents call it a 460.
struct Left<'a>(Option<&'a Metrics>);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let status = StatusCode::from_u16(460).ok();
        if let (Some(metrics), Some(status)) = (self.0, status) {
            metrics.own(status);
        }
    }
}

/// A target's response, or the status of the load balancer's own.
type Outcome = Result<Response<Body>, StatusCode>;

impl Forwarder {
    pub(super) fn new(
        listener: Listener,
        port: u16,
        attributes: Attributes,
        metrics: MetricSink,
        access_log: Option<UnboundedSender<Access>>,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(attributes.idle_timeout)
            .http1_max_buf_size(MAX_BUFFER)
            .build(connector);
        let metrics = Metrics { load_balancer: attributes.full_name.clone(), sink: metrics };
        Self { listener, port, client, attributes, metrics, access_log }
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<Body> {
        // If the client leaves, the server drops this future.
        let mut left = Left(Some(&self.metrics));
        let mut entry = Entry::of(self.access_log.as_ref(), &request);
        let response = self.answer_patiently(request, client, &mut entry).await;
        left.0 = None;
        entry.end(response.status());
        response
    }

    async fn answer_patiently(
        &self,
        mut request: Request<Incoming>,
        client: SocketAddr,
        entry: &mut Entry,
    ) -> Response<Body> {
        if let Some(status) = refuse::refusal(&mut request) {
            self.metrics.own(status);
            return error(status);
        }
        if self.attributes.drop_invalid_header_fields {
            headers::drop_invalid(request.headers_mut());
        }
        headers::prepare(request.headers_mut(), client, self.port);
        entry.headers(request.headers());
        let outcome = match self.listener.action(request.method(), request.uri().path()) {
            Some(Action::Forward(group)) => self.forward(request, group, entry).await,
            Some(Action::Invoke { function, group, multi_value_headers }) => {
                self.invoke(request, function, group, *multi_value_headers, entry).await
            }
            None => Err(StatusCode::SERVICE_UNAVAILABLE),
        };
        let mut response = outcome.unwrap_or_else(|status| {
            self.metrics.own(status);
            error(status)
        });
        for (name, value) in &self.attributes.response_headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        group: &Arc<TargetGroup>,
        entry: &mut Entry,
    ) -> Outcome {
        // `*`, for example, is for no target. An address alone means its root.
        let path = request.uri().path();
        if !path.starts_with('/') {
            return Err(StatusCode::BAD_REQUEST);
        }
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let in_flight = group.choose().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let uri = format!("http://{}{path}{query}", in_flight.address()).parse::<Uri>();
        *request.uri_mut() = uri.map_err(|_| StatusCode::BAD_REQUEST)?;
        self.metrics.request(group.name());
        entry.asked(group.name());
        let started = Instant::now();
        let progress = Progress::new();
        let body = |body| FromClient { body, progress: progress.clone() }.boxed_unsync();
        let idle_timeout = self.attributes.idle_timeout;
        let answer = tokio::select! {
            answer = self.client.request(request.map(body)) => answer,
            () = progress.idle(idle_timeout) => {
                let is_clients = progress.is_awaited();
                return Err(if is_clients {
                    StatusCode::REQUEST_TIMEOUT
                } else {
                    StatusCode::GATEWAY_TIMEOUT
                });
            }
        };
        match answer {
            Ok(mut response) => {
                self.metrics.answered(group.name(), response.status(), started.elapsed());
                entry.answered(response.status(), started.elapsed());
                headers::remove_hop_by_hop(response.headers_mut());
                let body = |body| FromTarget::new(body, idle_timeout, in_flight).boxed_unsync();
                Ok(response.map(body))
            }
            Err(_) if progress.is_broken() => Err(StatusCode::BAD_REQUEST),
            Err(_) => Err(StatusCode::BAD_GATEWAY),
        }
    }

    async fn invoke(
        &self,
        request: Request<Incoming>,
        function: &Lambda,
        group: &str,
        multi_value: bool,
        entry: &mut Entry,
    ) -> Outcome {
        let (parts, body) = request.into_parts();
        let progress = Progress::new();
        let body = FromClient { body, progress: progress.clone() };
        let body = tokio::select! {
            body = Limited::new(body, event::MAX_BYTES).collect() => body,
            () = progress.idle(self.attributes.idle_timeout) => {
                return Err(StatusCode::REQUEST_TIMEOUT);
            }
        };
        let body = body.map_err(|error| {
            let is_long = error.is::<LengthLimitError>();
            if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
        })?;
        let arn = format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{group}");
        let event = event::from_request(&parts, &body.to_bytes(), &arn, multi_value);
        // Lambda ignores the event's trace, and begins its own.
        let trace = format!("Root={}", headers::new_id());
        self.metrics.request(group);
        entry.asked(group);
        let started = Instant::now();
        // It goes on after the client has left, because Lambda does not notice.
        let function = function.clone();
        let invoked = tokio::spawn(async move { function.invoke(event.into(), &trace).await.ok() });
        // Whatever goes wrong in the function, the client only learns that it failed.
        let answer = invoked.await.ok().flatten();
        let response = answer.and_then(|answer| event::to_response(&answer, multi_value));
        let Some(response) = response else {
            self.metrics.function_failed(group);
            return Err(StatusCode::BAD_GATEWAY);
        };
        self.metrics.answered(group, response.status(), started.elapsed());
        entry.answered(response.status(), started.elapsed());
        Ok(response)
    }
}
