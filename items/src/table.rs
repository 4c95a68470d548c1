//! The table: what can be done with items.

mod guarded;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use uuid::Uuid;

use crate::attributes::{Attributes, OBJECT_ID};
use crate::connect::{self, Settings};
use crate::error::{Error, ErrorKind};
use crate::gathered::Gathered;
use crate::item::{self, Item};
use crate::key::{IdempotencyKey, Key};
use crate::observe::{self, Target};
use crate::operation::Operation;
use crate::page::{Cursor, Limit, Page};
use crate::reads::{Reads, attribute};
use crate::warm;

/// Divides the size of a page that does not fit into memory.
const SHRINK: i32 = 8;

/// Where a scan continues: after an item.
#[derive(Debug, Clone)]
pub struct Position(Attributes);

/// The table of items. Clones share one client.
#[derive(Debug, Clone)]
pub struct Table(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    target: Arc<Target>,
    reads: Reads,
    gathered: Option<Arc<Gathered>>,
    consistent_reads: bool,
}

/// The result of a conditional put.
enum Put {
    Written,
    Exists(Option<Attributes>),
}

impl Table {
    /// The table that `settings` name, configured by the environment (`AWS_*`). Makes no call yet.
    pub async fn connect(settings: &Settings) -> Self {
        Self::new(&connect::environment().await, settings)
    }

    /// The table that `settings` name, configured by `config`.
    #[must_use]
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let client = connect::client(config, settings);
        let target = Arc::new(Target {
            table_name: settings.table_name.clone(),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
        });
        let consistent_reads = settings.consistent_reads;
        let reads =
            Reads { client: client.clone(), target: target.clone(), consistent: consistent_reads };
        let gathered = settings
            .gathers_reads
            .then(|| Gathered::new(reads.clone(), settings.operation_timeout));
        Self(Arc::new(Inner { client, target, reads, gathered, consistent_reads }))
    }

    /// Opens a connection for the first call, without a permission and without capacity; or gives up `within`
    /// this time.
    pub async fn warm(&self, within: Duration) {
        warm::connection(&self.0.client, &self.0.target.table_name, within).await;
    }

    /// Writes a new item and returns its id: a random one, or the one that `key` stands for.
    ///
    /// With a key, the same item may be put repeatedly, and is written once.
    ///
    /// # Errors
    /// [`ErrorKind::IdempotencyConflict`] if the key was used for another item; or the error of a failed call.
    pub async fn put(&self, item: Item, key: Option<&IdempotencyKey>) -> Result<Uuid, Error> {
        let id = key.map_or_else(Uuid::new_v4, IdempotencyKey::object_id);
        let wanted = key.map(|_| item.source());
        let Put::Exists(found) = self.put_new(item.into_attributes(id.to_string())).await? else {
            return Ok(id);
        };
        // A new random id can exist only because of an earlier attempt at this put.
        let Some(wanted) = wanted else { return Ok(id) };
        let found = found.ok_or_else(|| {
            Error::new(ErrorKind::Internal, Operation::Put.failure())
                .with_source("DynamoDB did not say which item has this id")
        })?;
        if item::is_of(&wanted, found)? {
            return Ok(id);
        }
        let message =
            "This Idempotency-Key was used for another body: use a new key for a new item";
        Err(Error::new(ErrorKind::IdempotencyConflict, message))
    }

    async fn put_new(&self, attributes: Attributes) -> Result<Put, Error> {
        let Inner { client, target, .. } = &*self.0;
        let request = client
            .put_item()
            .table_name(&target.table_name)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(object_id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        observe::call(Operation::Put, target, request.send(), |result| match result {
            Ok(output) => {
                observe::consumed(Operation::Put, output.consumed_capacity());
                Ok(Put::Written)
            }
            Err(error) if error.as_service_error().is_some_and(is_unmet) => {
                Ok(Put::Exists(match error.into_service_error() {
                    PutItemError::ConditionalCheckFailedException(met) => met.item,
                    _ => None,
                }))
            }
            Err(error) => Err(error),
        })
        .await
    }

    /// Reads an item.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or the error of a failed call.
    pub async fn get(&self, key: &Key) -> Result<Item, Error> {
        let found = match &self.0.gathered {
            Some(gathered) => gathered.read(key).await?,
            None => self.0.reads.one(Operation::Get, key, self.0.consistent_reads).await?,
        };
        match found {
            Some(attributes) => Ok(Item::stored(attributes)),
            None => {
                Err(Error::new(ErrorKind::NotFound, format!("Item with key '{key}' not found")))
            }
        }
    }

    /// Reads a page of at most `limit` items; fewer where these come to DynamoDB's 1 MB, or find no room in
    /// memory.
    ///
    /// # Errors
    /// The error of a failed call.
    pub async fn page(&self, limit: Limit, cursor: Option<Cursor>) -> Result<Page, Error> {
        let limit = usize::from(limit.get());
        let start = cursor.map(|cursor| start_key(cursor.key()));
        // One more item than requested shows whether there is another page.
        let output = self.scan_page(i32::try_from(limit + 1).unwrap_or(i32::MAX), start).await?;
        let mut items = output.items.unwrap_or_default();
        let last = if items.len() > limit {
            items.truncate(limit);
            items.last().cloned()
        } else {
            output.last_evaluated_key
        };
        Ok(Page {
            items: items.into_iter().map(Item::stored).collect(),
            next: last.and_then(|mut last| match last.remove(OBJECT_ID) {
                Some(AttributeValue::S(id)) => Key::new(id).ok().map(Cursor::after),
                _ => None,
            }),
        })
    }

    /// Reads at most `limit` items from the beginning or from where another scan ended; and where the next one
    /// goes on, if items may remain.
    ///
    /// # Errors
    /// The error of a failed call.
    pub async fn scan(
        &self,
        start: Option<Position>,
        limit: u16,
    ) -> Result<(Vec<Item>, Option<Position>), Error> {
        let start = start.map(|Position(last)| last);
        let output = self.scan_page(i32::from(limit), start).await?;
        let items = output.items.unwrap_or_default().into_iter().map(Item::stored).collect();
        Ok((items, output.last_evaluated_key.map(Position)))
    }

    /// Reads a page, or a smaller one if it does not fit into memory.
    async fn scan_page(
        &self,
        mut limit: i32,
        start: Option<Attributes>,
    ) -> Result<ScanOutput, Error> {
        let Inner { client, target, consistent_reads, .. } = &*self.0;
        loop {
            let request = client
                .scan()
                .table_name(&target.table_name)
                .limit(limit)
                .set_exclusive_start_key(start.clone())
                .consistent_read(*consistent_reads)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            match observe::call(Operation::Scan, target, request.send(), |result| result).await {
                Ok(output) => {
                    observe::consumed(Operation::Scan, output.consumed_capacity());
                    return Ok(output);
                }
                Err(error) if error.kind() == ErrorKind::Overloaded && limit > 1 => {
                    limit = (limit / SHRINK).max(1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes an item. Of concurrent deletes exactly one succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or the error of a failed call.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let Inner { client, target, .. } = &*self.0;
        let request = client
            .delete_item()
            .table_name(&target.table_name)
            .key(OBJECT_ID, attribute(key))
            // The old item shows whether this call deleted it.
            .return_values(ReturnValue::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output =
            observe::call(Operation::Delete, target, request.send(), |result| result).await?;
        observe::consumed(Operation::Delete, output.consumed_capacity());
        if output.attributes.is_some() { Ok(()) } else { Err(nothing_to_delete(key)) }
    }
}

fn is_unmet(error: &PutItemError) -> bool {
    error.is_conditional_check_failed_exception()
}

fn nothing_to_delete(key: &Key) -> Error {
    Error::new(ErrorKind::NotFound, format!("Item with key \"{key}\" not found"))
}

fn start_key(key: &Key) -> Attributes {
    HashMap::from([(OBJECT_ID.to_owned(), attribute(key))])
}
