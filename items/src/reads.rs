//! The calls that read items by their keys: one item, or many.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use picus_catalogue as catalogue;

use crate::attributes::{Attributes, OBJECT_ID};
use crate::error::Error;
use crate::failure::Failure;
use crate::key::Key;
use crate::observe::{self, Spans, Target};
use crate::operation::Operation;
use crate::remaining::{Progress, Remaining};

/// Reads a table's items.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    pub(crate) client: Client,
    pub(crate) target: Arc<Target>,
    /// Whether calls for many see every write before them.
    pub(crate) consistent: bool,
}

/// A failed call, for each of those that it was made for.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    failure: Failure,
    error: Arc<SdkError<BatchGetItemError>>,
}

impl Failed {
    pub(crate) fn new(error: SdkError<BatchGetItemError>) -> Self {
        Self { failure: Failure::of(&error), error: Arc::new(error) }
    }

    /// The error that a call of its own would have come to.
    pub(crate) fn error(&self) -> Error {
        self.failure.into_error(Operation::GetMany, self.error.clone())
    }

    pub(crate) fn trace(&self, span: &tracing::Span) {
        observe::trace_failure(span, self.failure, &self.error);
    }

    /// Whether fewer items might have found room.
    pub(crate) fn is_no_room(&self) -> bool {
        matches!(self.failure, Failure::NoRoom { .. })
    }
}

impl Reads {
    /// Reads one item.
    pub(crate) async fn one(
        &self,
        operation: Operation,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<Attributes>, Error> {
        let request = self
            .client
            .get_item()
            .table_name(&self.target.table_name)
            .key(OBJECT_ID, attribute(key))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output =
            observe::call(operation, &self.target, request.send(), |result| result).await?;
        observe::consumed(operation, output.consumed_capacity());
        Ok(output.item)
    }

    /// Reads many items in one call, at most DynamoDB's 100, no key twice. Where it fails, some may have been found
    /// all the same; where it does not, some may remain to be read, because the answer would have been too large.
    pub(crate) async fn many(&self, keys: &[Key], spans: Spans) -> (Progress, Result<(), Failed>) {
        let Spans(all) = &spans;
        let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        for span in all.iter() {
            span.record("db.operation.batch.size", i64::from(count));
        }
        metrics::histogram!(catalogue::READS_BATCH_SIZE.name).record(f64::from(count));
        let remaining = Remaining::new(self.target.clone(), keys, self.consistent, spans.clone());
        let keys =
            keys.iter().map(|key| Attributes::from([(OBJECT_ID.to_owned(), attribute(key))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(self.consistent)
            .build()
            .expect("it has keys");
        let request = self
            .client
            .batch_get_item()
            .request_items(&self.target.table_name, asked)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(remaining.clone());
        let send = request.send();
        let result = observe::measured(Operation::GetMany, all, send, |result| result).await;
        let progress = remaining.take();
        observe::consumed_units(Operation::GetMany, progress.units);
        let result = result.map(drop);
        (progress, result.map_err(|(failure, error)| Failed { failure, error: error.into() }))
    }
}

pub(crate) fn attribute(key: &Key) -> AttributeValue {
    AttributeValue::S(key.as_str().to_owned())
}
