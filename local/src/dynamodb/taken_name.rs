//! Works around a name that the engine can't store. Its web framework turns on `serde_json`'s `raw_value`, which
//! gives an object a special meaning if its first member has a certain name. DynamoDB has no such name, so another
//! one replaces it inside the engine.

use bytes::Bytes;

const TAKEN: &str = "$serde_json::private::RawValue";
/// Has the same length, so that messages keep theirs.
const STAND_IN: &str = "$serde_json::private::rAWvALUE";

/// A request that the engine can read.
pub(super) fn hide(request: Bytes) -> Bytes {
    replace(request, TAKEN, STAND_IN)
}

/// A response as DynamoDB would give it.
pub(super) fn show(answer: Bytes) -> Bytes {
    replace(answer, STAND_IN, TAKEN)
}

fn replace(message: Bytes, from: &str, to: &str) -> Bytes {
    match std::str::from_utf8(&message) {
        Ok(text) if text.contains(from) => text.replace(from, to).into(),
        _ => message,
    }
}
