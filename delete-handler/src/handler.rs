//! Answers one event.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use lambda_runtime::{Context, LambdaEvent};
use picus_api::body::Deleted;
use picus_api::headers::EVERY_RESPONSE;
use picus_api::precondition::{Preconditions, etag};
use picus_api::{Code, Error, ErrorBody, route};
use picus_catalogue as catalogue;
use picus_items::{Item, Key, Table};
use picus_telemetry::{
    Access, Described, Invocation, LatencySlo, RequestContext, nearest_hop, scheme,
};
use serde::Serialize;
use tokio::time;
use tracing::Instrument as _;

use crate::answer::{Answer, Headers};
use crate::event::Request;
use crate::target::{self, Wanted};

/// Time reserved for sending the answer before Lambda ends the invocation.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);

const CONTENT_TYPE: &str = "Content-Type";

/// Deletes items. Create it once, after telemetry has started and before the first event.
#[derive(Debug)]
pub struct DeleteHandler {
    table: Table,
    objective: Arc<LatencySlo>,
    /// Whether no event has come so far.
    cold: AtomicBool,
}

impl DeleteHandler {
    /// Deletes from `table`. Answers within `latency_objective` count as good.
    #[must_use]
    pub fn new(table: Table, latency_objective: Duration) -> Self {
        let objective = Arc::new(LatencySlo::new(latency_objective, &route::SLO_OF_HANDLER));
        Self { table, objective, cold: true.into() }
    }

    /// Answers an event in its sender's format. Every event gets an answer.
    pub async fn answer(&self, event: LambdaEvent<String>) -> Answer {
        let LambdaEvent { payload, context } = event;
        let request = Request::read(&payload);
        let ids = RequestContext::from_headers(true, |name| values(&request, &context, name));
        let mut access = self.begin(&request, &context, &ids);
        let span = access.span();
        let outcome = self.perform(&request, &context, &mut access).instrument(span).await;

        let mut headers = headers(&ids);
        let (status, body) = match outcome {
            Ok(Done::Deleted(key)) => (200, json(&Deleted::of(&key))),
            Ok(Done::Options) => {
                headers.insert("Allow", route::allow(route::ITEM).to_owned());
                headers.remove(CONTENT_TYPE);
                (204, String::new())
            }
            Err(error) => {
                let status = error.code().status();
                access.error_code = Some(error.code().as_str());
                access.error_chain = (status >= 500).then(|| error.chain());
                headers.extend(error.headers());
                (status, json(&ErrorBody::new(&error, ids.xray_trace_id(), ids.request_id())))
            }
        };
        let is_head = request.target.as_ref().is_some_and(|target| target.method == "HEAD");
        let body = if is_head { String::new() } else { body };
        let answer = Answer::new(request.form, status, headers, body);
        access.answer(status);
        access.bytes_out = answer.body_len() as u64;
        access.complete = true;
        answer
    }

    /// Begins the request's access line with what is known so far.
    fn begin(&self, request: &Request, context: &Context, ids: &RequestContext) -> Access {
        let cold_start = self.cold.swap(false, Ordering::Relaxed);
        if cold_start {
            metrics::counter!(catalogue::FAAS_COLDSTARTS.name, "faas_trigger" => "http")
                .increment(1);
        }
        let header = |name| request.header(name).unwrap_or_default();
        let bytes = |name| request.headers(name).iter().map(String::as_bytes);
        let target = request.target.as_ref();
        let described = Described {
            method: target.map_or("", |target| &target.method),
            route: target.map_or("", |target| target::template(&target.path)),
            path: target.map_or("", |target| &target.path),
            // Not every sender passes on the query as the client sent it.
            query: "",
            protocol_version: "",
            scheme: scheme(bytes("x-forwarded-proto")),
            host: header("host"),
            client: nearest_hop(bytes("x-forwarded-for")),
            user_agent: header("user-agent"),
            invocation: Some(Invocation {
                id: &context.request_id,
                function_arn: &context.invoked_function_arn,
                trace: context.xray_trace_id.as_deref(),
                cold_start,
            }),
        };
        let access = Access::begin(ids, &described, self.objective.clone());
        access.bytes_in.add(request.body_len);
        access
    }

    async fn perform(
        &self,
        request: &Request,
        context: &Context,
        access: &mut Access,
    ) -> Result<Done, Error> {
        let Some(target) = &request.target else {
            let message = "The event is not an HTTP request from a load balancer or an API gateway";
            return Err(Error::new(Code::InvalidEvent, message));
        };
        let key = match target::find(target)? {
            Wanted::Delete(key) => key,
            Wanted::Options => return Ok(Done::Options),
        };
        access.object_id = Some(key.to_string());
        let conditions = Preconditions::read(|name| request.headers(name));
        // Whatever a panic leaves unfinished belongs to this event only.
        let deleted = AssertUnwindSafe(self.delete(&key, &conditions)).catch_unwind();
        match time::timeout(time_left(context), deleted).await {
            Ok(Ok(deleted)) => deleted.map(|()| Done::Deleted(key)),
            Ok(Err(panic)) => {
                Err(Error::new(Code::Internal, "Could not delete item").with_panic(&*panic))
            }
            Err(_) => {
                let message = "Could not delete item in time, retry later";
                Err(Error::new(Code::DeadlineExceeded, message))
            }
        }
    }

    async fn delete(&self, key: &Key, conditions: &Preconditions) -> Result<(), Error> {
        if conditions.is_empty() {
            return Ok(self.table.delete(key).await?);
        }
        let is_meant = |item: &Item| conditions.unmet(&etag(&item.to_json())).is_none();
        Ok(self.table.delete_if(key, is_meant).await?)
    }
}

/// The result of a request.
enum Done {
    Deleted(Key),
    /// Lists the methods.
    Options,
}

/// The values of a header, or Lambda's own trace and request id.
fn values<'a>(
    request: &'a Request,
    context: &'a Context,
    name: &str,
) -> impl Iterator<Item = &'a str> {
    let own = request.headers(name);
    let lambdas = match name {
        "x-amzn-trace-id" => context.xray_trace_id.as_deref(),
        // Lambda's own log lines have this id.
        "x-request-id" => Some(context.request_id.as_str()),
        _ => None,
    };
    own.iter().map(String::as_str).chain(lambdas.filter(|_| own.is_empty()))
}

fn headers(ids: &RequestContext) -> Headers {
    let known = EVERY_RESPONSE
        .iter()
        .map(|header| (header.name, header.value(ids.xray_trace_id(), ids.request_id())));
    known.chain([(CONTENT_TYPE, "application/json".to_owned())]).collect()
}

/// Can't fail: the bodies have only strings.
fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// How long the delete may take so that the answer is in time.
fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub(TIME_TO_ANSWER)
}
