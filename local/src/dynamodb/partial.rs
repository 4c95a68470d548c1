//! A `BatchGetItem` that is throttled in part: DynamoDB reads what it can and names the rest (`UnprocessedKeys`).

use bytes::Bytes;
use serde_json::Value;

/// As the engine writes it where it has read all.
const NONE: &str = r#""UnprocessedKeys":{}"#;

/// What is read, and what is not.
pub(super) struct Partial {
    pub(super) read: Bytes,
    rest: Value,
    pub(super) unread: usize,
}

impl Partial {
    /// Of this call, half is read. None where it is of one key: of that, all is refused.
    pub(super) fn of(call: &[u8]) -> Option<Self> {
        let mut call: Value = serde_json::from_slice(call).ok()?;
        let mut rest = call.get("RequestItems")?.clone();
        let tables = call["RequestItems"].as_object_mut()?;
        let mut unread = 0;
        for (table, asked) in tables {
            let keys = asked["Keys"].as_array_mut()?;
            let half = keys.split_off(keys.len() / 2);
            unread += half.len();
            rest[table]["Keys"] = half.into();
            if keys.is_empty() {
                return None;
            }
        }
        Some(Self { read: call.to_string().into(), rest, unread })
    }

    /// The answer to what was read, with the rest named.
    pub(super) fn answer(&self, read: &Bytes) -> Bytes {
        let text = String::from_utf8_lossy(read);
        // A text that looks like it has its quotes escaped, and an attribute of the name has a value.
        text.replace(NONE, &format!(r#""UnprocessedKeys":{}"#, self.rest)).into()
    }
}
