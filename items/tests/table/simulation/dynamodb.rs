//! A DynamoDB engine that is called without sockets, so that time can be paused.

use std::collections::HashMap;

use dynoxide::{Database, DynoxideError};
use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::TABLE;

/// An HTTP status and a body.
pub(super) type Answer = (u16, String);

/// A request to DynamoDB.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) body: Value,
    pub(super) consistent: bool,
    /// If the fault `JoinedRead` is planted: the items that this read returns instead of reading.
    pub(super) joined: HashMap<String, Option<Value>>,
    /// For a write: its number in the record.
    pub(super) sent: Option<usize>,
}

impl Call {
    pub(super) fn new(operation: &str, body: Value) -> Self {
        let asked = body["RequestItems"].get(TABLE).unwrap_or(&body);
        let consistent = asked["ConsistentRead"] == true;
        let operation = operation.to_owned();
        Self { operation, consistent, body, joined: HashMap::new(), sent: None }
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self.operation.as_str(), "PutItem" | "DeleteItem")
    }

    /// Whether the answer says that the call changed an item.
    pub(super) fn has_changed(&self, (status, text): &Answer) -> bool {
        *status == 200 && (self.operation == "PutItem" || text.contains("\"Attributes\""))
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.operation.as_str(), "GetItem" | "BatchGetItem")
    }

    /// The ids of the call's items.
    pub(super) fn keys(&self) -> Vec<&str> {
        let batch = self.body["RequestItems"][TABLE]["Keys"].as_array();
        let one = ["Item", "Key"].into_iter().map(|of| &self.body[of]);
        let all = one.chain(batch.into_iter().flatten());
        all.filter_map(|key| key["object_id"]["S"].as_str()).collect()
    }

    /// A request for these keys, in the format of `UnprocessedKeys`.
    pub(super) fn batch_of(&self, keys: &[Value]) -> Value {
        json!({TABLE: {"Keys": keys, "ConsistentRead": self.consistent}})
    }
}

pub(super) struct DynamoDb {
    engine: Database,
    rng: Rng,
    /// Ids that clients know before their items are put.
    known: Vec<String>,
    /// Random ids in the order of their puts. The engine stores `new-0`, `new-1` … instead, so that runs of one
    /// seed are equal.
    new: Vec<String>,
    /// Each item before its last write.
    before: HashMap<String, Option<Value>>,
    /// What the engine has read for calls that are not answered yet.
    pub(super) under_way: HashMap<String, Option<Value>>,
}

impl DynamoDb {
    pub(super) fn new(rng: Rng, known: Vec<String>) -> Self {
        let engine = Database::memory().expect("SQLite has memory");
        let table = json!({
            "TableName": TABLE,
            "AttributeDefinitions": [{"AttributeName": "object_id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "object_id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let (status, text) = answer(table, |request| engine.create_table(request));
        assert_eq!(status, 200, "{text}");
        let (before, under_way) = (HashMap::new(), HashMap::new());
        Self { engine, rng, known, new: Vec::new(), before, under_way }
    }

    /// The name under which the engine stores the item with this id.
    pub(super) fn name(&self, id: &str) -> String {
        let at = self.new.iter().position(|new| new == id);
        at.map_or_else(|| id.to_owned(), |at| format!("new-{at}"))
    }

    /// The names of all items.
    pub(super) fn names(&self) -> Vec<String> {
        self.known.iter().cloned().chain(self.new.iter().map(|id| self.name(id))).collect()
    }

    pub(super) fn rename(&mut self, call: &mut Call) {
        for of in ["Item", "Key"] {
            let Some(id) = call.body[of]["object_id"]["S"].as_str().map(str::to_owned) else {
                continue;
            };
            if of == "Item" && !self.known.contains(&id) && !self.new.contains(&id) {
                self.new.push(id.clone());
            }
            call.body[of]["object_id"]["S"] = self.name(&id).into();
        }
    }

    pub(super) fn perform(&mut self, call: &Call) -> Answer {
        let body = call.body.clone();
        let before = call.keys().first().map(|key| ((*key).to_owned(), self.current(key)));
        let done = match call.operation.as_str() {
            "GetItem" => (200, json!({"Item": self.read(call.keys()[0], call)}).to_string()),
            "Scan" if !call.consistent => panic!("a list must be consistent"),
            "Scan" => answer(body, |request| self.engine.scan(request)),
            "PutItem" => answer(body, |request| self.engine.put_item(request)),
            "DeleteItem" => answer(body, |request| self.engine.delete_item(request)),
            other => panic!("{other} is not expected"),
        };
        if call.is_write() && call.has_changed(&done) {
            self.before.extend(before);
        }
        done
    }

    pub(super) fn read(&mut self, key: &str, call: &Call) -> Option<Value> {
        if let Some(joined) = call.joined.get(key) {
            return joined.clone();
        }
        let item = match self.before.get(key) {
            // An eventually consistent read may miss the last write.
            Some(before) if !call.consistent && self.rng.bool() => before.clone(),
            _ => self.current(key),
        };
        self.under_way.insert(key.to_owned(), item.clone());
        item
    }

    fn current(&self, key: &str) -> Option<Value> {
        let body = json!({"TableName": TABLE, "Key": {"object_id": {"S": key}}});
        let (status, text) = answer(body, |request| self.engine.get_item(request));
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).expect("the engine writes JSON");
        answer.get("Item").cloned()
    }
}

/// Calls the engine, and returns its answer in DynamoDB's format.
fn answer<Q: DeserializeOwned, A: Serialize>(
    body: Value,
    perform: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    let request = serde_json::from_value(body).expect("the engine knows what the SDK sends");
    match perform(request) {
        Ok(answer) => (200, serde_json::to_string(&answer).expect("it is JSON")),
        Err(error) => (error.status_code(), error.to_json()),
    }
}
