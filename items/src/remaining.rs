//! What a `BatchGetItem` left unread (`UnprocessedKeys`): the SDK takes such an answer for a success. Here it is a
//! throttled attempt, so that the SDK tries again as after any other, with its waits and from its tokens, and asks
//! for the rest alone.

use std::sync::Arc;

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    FinalizerInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ErrorMetadata};
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemError, BatchGetItemOutput};
use aws_sdk_dynamodb::types::error::ProvisionedThroughputExceededException;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::Error as AttemptError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::body::SdkBody;
use parking_lot::Mutex;
use serde_json::json;

use crate::attributes::{Attributes, OBJECT_ID};
use crate::key::Key;
use crate::observe::{Spans, Target};

/// An answer of this size may have been cut for its size: DynamoDB ends it before the item that would bring it to
/// 1 MB from one partition, or to 16 MB, and an item has up to 400 KB (Amazon DynamoDB API Reference, `BatchGetItem`).
const MAY_BE_CUT: usize = 512 * 1024;

/// How far a call has come, over all of its attempts.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) found: Vec<Attributes>,
    /// What is not known yet. A key that was asked for and is in neither has no item.
    pub(crate) rest: Vec<Key>,
    /// Capacity units.
    pub(crate) units: f64,
}

/// Follows one call.
#[derive(Debug, Clone)]
pub(crate) struct Remaining(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Arc<Target>,
    consistent: bool,
    spans: Spans,
    progress: Mutex<Progress>,
}

impl Remaining {
    /// Follows a call for these keys.
    pub(crate) fn new(target: Arc<Target>, keys: &[Key], consistent: bool, spans: Spans) -> Self {
        let progress = Mutex::new(Progress { rest: keys.to_vec(), ..Progress::default() });
        Self(Arc::new(Inner { target, consistent, spans, progress }))
    }

    /// How far the call came. It has ended.
    pub(crate) fn take(&self) -> Progress {
        std::mem::take(&mut self.0.progress.lock())
    }

    /// Takes what an attempt brought. Whether another one must bring the rest.
    fn took(&self, output: &mut BatchGetItemOutput, length: usize) -> bool {
        let table = &self.0.target.table_name;
        let found = output.responses.take().and_then(|mut tables| tables.remove(table));
        let found = found.unwrap_or_default();
        let unread = output.unprocessed_keys.take().and_then(|mut tables| tables.remove(table));
        let unread = unread.map(|unread| unread.keys).unwrap_or_default();
        let may_be_cut = !found.is_empty() && length >= MAY_BE_CUT;
        let units = output.consumed_capacity().iter().filter_map(ConsumedCapacity::capacity_units);
        let mut progress = self.0.progress.lock();
        progress.units += units.sum::<f64>();
        progress.found.extend(found);
        progress.rest.retain(|key| {
            let is_it = |value: &AttributeValue| value.as_s().is_ok_and(|id| id == key.as_str());
            unread.iter().any(|unread| unread.get(OBJECT_ID).is_some_and(is_it))
        });
        !progress.rest.is_empty() && !may_be_cut
    }

    /// The request for the rest.
    fn request(&self) -> String {
        let Inner { target, consistent, progress, .. } = &*self.0;
        let keys = progress.lock();
        let keys = keys.rest.iter().map(|key| json!({OBJECT_ID: {"S": key.as_str()}}));
        let asked = json!({"Keys": keys.collect::<Vec<_>>(), "ConsistentRead": consistent});
        let items = json!({&target.table_name: asked});
        json!({"RequestItems": items, "ReturnConsumedCapacity": "TOTAL"}).to_string()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Remaining {
    fn name(&self) -> &'static str {
        "Remaining"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(self.0.spans.clone());
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<RequestAttempts>().is_some_and(|attempts| attempts.attempts() > 1) {
            let text = self.request();
            let request = context.request_mut();
            request.headers_mut().try_insert("content-length", text.len().to_string())?;
            *request.body_mut() = SdkBody::from(text);
        }
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context.response().and_then(|response| response.body().bytes());
        let length = length.map_or(0, <[u8]>::len);
        let Some(result) = context.output_or_error_mut() else { return Ok(()) };
        let Ok(output) = result else { return Ok(()) };
        let Some(output) = output.downcast_mut::<BatchGetItemOutput>() else { return Ok(()) };
        if self.took(output, length) {
            *result = Err(OrchestratorError::operation(AttemptError::erase(throttled())));
        }
        Ok(())
    }
}

/// What DynamoDB says where it reads nothing at all for the same reason.
fn throttled() -> BatchGetItemError {
    let code = "ProvisionedThroughputExceededException";
    let message = "DynamoDB left keys of the batch unprocessed";
    BatchGetItemError::ProvisionedThroughputExceededException(
        ProvisionedThroughputExceededException::builder()
            .message(message)
            .meta(ErrorMetadata::builder().code(code).message(message).build())
            .build(),
    )
}
