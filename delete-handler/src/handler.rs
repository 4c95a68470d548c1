//! One event, answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use lambda_runtime::{Context, LambdaEvent};
use picus_api::body::Deleted;
use picus_api::headers::EVERY_RESPONSE;
use picus_api::{Code, Error, ErrorBody, route};
use picus_catalogue as catalogue;
use picus_items::{Key, Table};
use picus_telemetry::{Access, Described, Invocation, LatencySlo, RequestContext, nearest_hop};
use serde::Serialize;
use serde_json::Value;
use tokio::time;
use tracing::Instrument as _;

use crate::answer::{Answer, Headers};
use crate::event::Request;
use crate::target;

/// What is left of the invocation's time for the answer to go out in, before Lambda ends it.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);

/// Deletes items. Made once, before the first event, and once telemetry runs.
#[derive(Debug)]
pub struct DeleteHandler {
    table: Table,
    objective: Arc<LatencySlo>,
    /// Whether no event has come yet.
    cold: AtomicBool,
}

impl DeleteHandler {
    /// A handler that deletes from `table`, and is to answer within `latency_objective`.
    #[must_use]
    pub fn new(table: Table, latency_objective: Duration) -> Self {
        let objective = Arc::new(LatencySlo::new(latency_objective, &[route::ITEM]));
        Self { table, objective, cold: true.into() }
    }

    /// Answers an event, whatever it is, in its own form.
    pub async fn answer(&self, event: LambdaEvent<Value>) -> Answer {
        let LambdaEvent { payload, context } = event;
        let request = Request::read(&payload);
        let ids = RequestContext::from_headers(true, |name| header(&request, &context, name));
        let mut access = self.begin(&request, &context, &ids);
        let span = access.span();
        let outcome = self.delete(&request, &context, &mut access).instrument(span).await;

        let mut headers = headers(&ids);
        let (status, body) = match outcome {
            Ok(key) => (200, json(&Deleted::of(&key))),
            Err(error) => {
                let status = error.code().status();
                access.error_code = Some(error.code().as_str());
                access.error_chain = (status >= 500).then(|| error.chain());
                if let Some(allow) = error.allow() {
                    headers.insert("Allow", allow.to_owned());
                }
                if let Some(after) = error.retry_after() {
                    headers.insert("Retry-After", after.as_secs().to_string());
                }
                (status, json(&ErrorBody::new(&error, ids.xray_trace_id(), ids.request_id())))
            }
        };
        let answer = Answer::new(request.form, status, headers, body);
        access.answer(status);
        access.bytes_out = answer.body_len() as u64;
        access.complete = true;
        answer
    }

    /// Tells what is known of the request already.
    fn begin(&self, request: &Request, context: &Context, ids: &RequestContext) -> Access {
        let cold_start = self.cold.swap(false, Ordering::Relaxed);
        if cold_start {
            metrics::counter!(catalogue::FAAS_COLDSTARTS.name).increment(1);
        }
        let header = |name| request.header(name).unwrap_or_default();
        let target = request.target.as_ref();
        let described = Described {
            method: target.map_or("", |target| &target.method),
            route: target.map_or("", |target| target::template(&target.path)),
            path: target.map_or("", |target| &target.path),
            scheme: header("x-forwarded-proto"),
            host: header("host"),
            client: nearest_hop(header("x-forwarded-for")),
            user_agent: header("user-agent"),
            invocation: Some(Invocation { id: &context.request_id, cold_start }),
        };
        let access = Access::begin(ids, &described, self.objective.clone());
        access.bytes_in.add(request.body_len);
        access
    }

    async fn delete(
        &self,
        request: &Request,
        context: &Context,
        access: &mut Access,
    ) -> Result<Key, Error> {
        let Some(target) = &request.target else {
            let message = "The event is no HTTP request of a load balancer or an API gateway";
            return Err(Error::new(Code::InvalidEvent, message));
        };
        let key = target::key(target)?;
        access.object_id = Some(key.to_string());
        // What a call leaves half done when it panics goes with its event.
        let deleted = AssertUnwindSafe(self.table.delete(&key)).catch_unwind();
        match time::timeout(time_left(context), deleted).await {
            Ok(Ok(deleted)) => deleted.map(|()| key).map_err(Error::from),
            Ok(Err(panic)) => {
                Err(Error::new(Code::Internal, "Could not delete item").with_panic(&*panic))
            }
            Err(_) => {
                let message = "Could not delete item in time, retry later";
                Err(Error::new(Code::DeadlineExceeded, message))
            }
        }
    }
}

/// A header of the request, or what Lambda itself knows: the trace, and the invocation's id.
fn header<'a>(request: &'a Request, context: &'a Context, name: &str) -> Option<&'a str> {
    let own = request.header(name);
    match name {
        "x-amzn-trace-id" => own.or(context.xray_trace_id.as_deref()),
        // Lambda's own log lines carry this one.
        "x-request-id" => own.or(Some(&context.request_id)),
        _ => own,
    }
}

fn headers(ids: &RequestContext) -> Headers {
    let known = EVERY_RESPONSE
        .iter()
        .map(|header| (header.name, header.value(ids.xray_trace_id(), ids.request_id())));
    known.chain([("Content-Type", "application/json".to_owned())]).collect()
}

/// Bodies are made of strings alone: that they become JSON can't fail.
fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// How long the delete may take for its answer to be in time.
fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub(TIME_TO_ANSWER)
}
