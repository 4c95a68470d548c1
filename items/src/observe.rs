//! What the operators see of each call to DynamoDB: a client span, metrics, and its retries.
//!
//! Names follow OpenTelemetry's semantic conventions for AWS SDKs, database clients and DynamoDB.

use std::future::Future;
use std::pin::pin;
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_runtime_api::client::interceptors::context::Error as AttemptError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use picus_catalogue::{self as catalogue, conventions};
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span, debug_span};

use crate::error::Error;
use crate::failure::{Failure, is_throttle};
use crate::operation::Operation;

/// The table that a call is made to, as its span names it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) table_name: String,
    pub(crate) region: String,
}

/// Makes a call within its span, measures it, and turns its failure into an [`Error`].
/// `outcome` lets the caller take a failure for an answer, as a conditional put does.
pub(crate) async fn call<T, E, R>(
    operation: Operation,
    target: &Target,
    send: impl Future<Output = Result<T, SdkError<E>>>,
    outcome: impl FnOnce(Result<T, Box<SdkError<E>>>) -> Result<R, Box<SdkError<E>>>,
) -> Result<R, Error>
where
    T: RequestId,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let span = span(operation, target);
    let send = pin!(send.instrument(span.clone()));
    let result = measured(operation, slice::from_ref(&span), send, outcome).await;
    result.map_err(|(failure, error)| failure.into_error(operation, error))
}

/// Measures a call that is made for all of these spans.
pub(crate) async fn measured<T, E, R>(
    operation: Operation,
    spans: &[Span],
    send: impl Future<Output = Result<T, SdkError<E>>>,
    outcome: impl FnOnce(Result<T, Box<SdkError<E>>>) -> Result<R, Box<SdkError<E>>>,
) -> Result<R, (Failure, Box<SdkError<E>>)>
where
    T: RequestId,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let started = Instant::now();
    let result = send.await.map_err(Box::new);
    let elapsed = started.elapsed();
    let id = match &result {
        Ok(output) => output.request_id(),
        Err(error) => error.request_id(),
    };
    for span in spans {
        span.record("aws.request_id", id);
    }
    let duration = |labels: &[metrics::Label]| {
        metrics::histogram!(catalogue::DB_CLIENT_OPERATION_DURATION.name, labels.iter())
            .record(elapsed);
    };
    let label = metrics::Label::from_static_parts;
    let system = label("db_system_name", conventions::DB_SYSTEM_NAME);
    let name = label("db_operation_name", operation.name());
    match outcome(result) {
        Ok(answer) => {
            duration(&[system, name]);
            Ok(answer)
        }
        Err(error) => {
            let failure = Failure::of(&error);
            duration(&[system, name, label("error_type", failure.error_type())]);
            for span in spans {
                trace_failure(span, failure, &error);
            }
            Err((failure, error))
        }
    }
}

/// It is for traces alone: at the usual log level, a request that is not sampled has none.
pub(crate) fn span(operation: Operation, target: &Target) -> Span {
    debug_span!(
        "DynamoDB",
        otel.name = operation.span_name(),
        otel.kind = "client",
        otel.status_code = Empty,
        error.type = Empty,
        // X-Ray knows a call to AWS by these three.
        rpc.system = "aws-api",
        rpc.service = "DynamoDB",
        rpc.method = operation.name(),
        db.system.name = conventions::DB_SYSTEM_NAME,
        db.operation.name = operation.name(),
        db.operation.batch.size = Empty,
        db.collection.name = target.table_name,
        db.response.status_code = Empty,
        aws.dynamodb.table_names = target.table_name,
        cloud.region = target.region,
        aws.request_id = Empty,
    )
}

/// Completes the span of a call that failed.
pub(crate) fn trace_failure<E>(span: &Span, failure: Failure, error: &SdkError<E>)
where
    E: std::error::Error + 'static,
{
    let error_type = failure.error_type();
    span.record("error.type", error_type);
    span.record("otel.status_code", "ERROR");
    let status = error.raw_response().map(|response| response.status().as_u16());
    span.record("db.response.status_code", status.map(display));
    // For the span alone: in the logs, the chain stands on the access line.
    tracing::debug!(
        parent: span,
        exception.type = error_type,
        exception.message = %DisplayErrorContext(error),
        "exception"
    );
}

/// Adds what a call consumed, in capacity units.
pub(crate) fn consumed(operation: Operation, capacity: Option<&ConsumedCapacity>) {
    if let Some(units) = capacity.and_then(ConsumedCapacity::capacity_units) {
        consumed_units(operation, units);
    }
}

/// Adds this many capacity units of a call.
pub(crate) fn consumed_units(operation: Operation, units: f64) {
    // A histogram, because its sum may grow by halves; a counter counts in whole numbers.
    metrics::histogram!(
        catalogue::DYNAMODB_CONSUMED_CAPACITY.name,
        "db_operation_name" => operation.name(),
    )
    .record(units);
}

/// The spans of those that a call is made for, where it is made for several.
#[derive(Debug, Clone)]
pub(crate) struct Spans(pub(crate) Arc<[Span]>);

impl Storable for Spans {
    type Storer = StoreReplace<Self>;
}

/// Counts attempts, retries and throttles, which happen within one call of the SDK.
#[derive(Debug)]
pub(crate) struct AttemptObserver;

#[dyn_dispatch_hint]
impl Intercept for AttemptObserver {
    fn name(&self) -> &'static str {
        "AttemptObserver"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = known_operation(config.load::<Metadata>().map_or("", Metadata::name));
        let attempt = config.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts);
        metrics::counter!(catalogue::DYNAMODB_ATTEMPTS.name, "db_operation_name" => operation)
            .increment(1);
        if attempt > 1 {
            metrics::counter!(catalogue::DYNAMODB_RETRIES.name, "db_operation_name" => operation)
                .increment(1);
        }
        if let Some(Err(error)) = context.output_or_error() {
            let code = error.as_operation_error().and_then(error_code).unwrap_or("");
            // A condition that does not hold is an answer.
            if code == "ConditionalCheckFailedException" {
                return Ok(());
            }
            if is_throttle(code) {
                metrics::counter!(catalogue::DYNAMODB_THROTTLES.name, "db_operation_name" => operation)
                    .increment(1);
            }
            let status = context.response().map_or(0, |response| response.status().as_u16());
            let message = if code.is_empty() { format!("{error:?}") } else { code.to_owned() };
            let current = Span::current();
            let spans = config.load::<Spans>();
            for span in spans.map_or(slice::from_ref(&current), |Spans(spans)| spans) {
                // By these names X-Ray shows an attempt that was made again.
                tracing::debug!(
                    parent: span,
                    http.response.status_code = i64::from(status),
                    aws.http.error_message = message,
                    attempt,
                    "HTTP request failure"
                );
            }
        }
        Ok(())
    }
}

/// The name as a label, so that none is made from what comes at run time.
fn known_operation(name: &str) -> &'static str {
    use Operation::{Delete, Get, GetMany, Put, Scan};
    [Put, Get, GetMany, Scan, Delete]
        .into_iter()
        .map(Operation::name)
        .find(|known| *known == name)
        .unwrap_or("_OTHER")
}

fn error_code(error: &AttemptError) -> Option<&str> {
    fn code<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
        error: &AttemptError,
    ) -> Option<&str> {
        error.downcast_ref::<E>().and_then(ProvideErrorMetadata::code)
    }
    code::<GetItemError>(error)
        .or_else(|| code::<BatchGetItemError>(error))
        .or_else(|| code::<PutItemError>(error))
        .or_else(|| code::<ScanError>(error))
        .or_else(|| code::<DeleteItemError>(error))
}
