//! Deletes an item only if it is the one that the client means. It reads the item, checks it, and deletes it on the
//! condition that no attribute has changed since.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};

use super::{Inner, Table, nothing_to_delete};
use crate::attributes::{Attributes, OBJECT_ID};
use crate::error::{Error, ErrorKind, NOT_THE_ITEM_MEANT};
use crate::item::Item;
use crate::key::Key;
use crate::observe;
use crate::operation::Operation;
use crate::reads::attribute;

/// The most attributes, besides the key, that a condition can compare. An expression has at most 300 operators and
/// functions (Amazon DynamoDB Developer Guide, "Quotas", "Expression parameters"): here an `AND` and a `=` for each
/// attribute, and one function.
const MAX_COMPARED: usize = 149;

/// The result of a conditional delete.
enum Delete {
    Done,
    Changed,
    Gone,
}

impl Table {
    /// Deletes an item if `is_meant` accepts it and it has not changed since. Of concurrent deletes, exactly one
    /// succeeds.
    ///
    /// It costs a strongly consistent read and a delete.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PreconditionFailed`] where another item is there, or one
    /// with too many attributes for a condition; or the error of a failed call.
    pub async fn delete_if(
        &self,
        key: &Key,
        is_meant: impl FnOnce(&Item) -> bool,
    ) -> Result<(), Error> {
        let Some(found) = self.0.reads.one(Operation::ReadToDelete, key, true).await? else {
            return Err(nothing_to_delete(key));
        };
        let item = Item::stored(found);
        if !is_meant(&item) {
            return Err(refusal(NOT_THE_ITEM_MEANT));
        }
        let found = item.into_stored();
        if found.len() > MAX_COMPARED + 1 {
            let message = "The item has too many attributes to be deleted under a condition: \
                           delete it without one";
            return Err(refusal(message));
        }
        match self.delete_unchanged(key, found).await? {
            Delete::Done => Ok(()),
            Delete::Gone => Err(nothing_to_delete(key)),
            Delete::Changed => {
                Err(refusal("The item was changed while it was to be deleted: get it again"))
            }
        }
    }

    async fn delete_unchanged(&self, key: &Key, found: Attributes) -> Result<Delete, Error> {
        let Inner { client, target, .. } = &*self.0;
        let Condition { expression, names, values } = Condition::unchanged(found);
        let request = client
            .delete_item()
            .table_name(&target.table_name)
            .key(OBJECT_ID, attribute(key))
            .condition_expression(expression)
            // DynamoDB refuses empty maps.
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        observe::call(Operation::Delete, target, request.send(), |result| match result {
            Ok(output) => {
                observe::consumed(Operation::Delete, output.consumed_capacity());
                Ok(Delete::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(met)) => {
                    Ok(if met.item.is_some() { Delete::Changed } else { Delete::Gone })
                }
                _ => Err(error),
            },
        })
        .await
    }
}

fn refusal(message: &'static str) -> Error {
    Error::new(ErrorKind::PreconditionFailed, message)
}

struct Condition {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// Holds if the item still has exactly these values.
    fn unchanged(found: Attributes) -> Self {
        let mut comparisons = vec!["attribute_exists(object_id)".to_owned()];
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        let others = found.into_iter().filter(|(name, _)| name != OBJECT_ID);
        for (at, (name, value)) in others.enumerate() {
            comparisons.push(format!("#{at}=:{at}"));
            names.insert(format!("#{at}"), name);
            values.insert(format!(":{at}"), value);
        }
        Self { expression: comparisons.join(" AND "), names, values }
    }
}
