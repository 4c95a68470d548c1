//! The name that the engine can't take: its web framework turns on `serde_json`'s `raw_value`, and an
//! object whose first member has that feature's own name is then read as something else. DynamoDB knows
//! no such name, so another takes its place inside of the engine.

use bytes::Bytes;

const TAKEN: &str = "$serde_json::private::RawValue";
/// As long, so that the length of a message stays.
const STAND_IN: &str = "$serde_json::private::rAWvALUE";

/// A request as the engine can take it.
pub(super) fn hide(request: Bytes) -> Bytes {
    replace(request, TAKEN, STAND_IN)
}

/// An answer as DynamoDB gives it.
pub(super) fn show(answer: Bytes) -> Bytes {
    replace(answer, STAND_IN, TAKEN)
}

fn replace(message: Bytes, from: &str, to: &str) -> Bytes {
    match std::str::from_utf8(&message) {
        Ok(text) if text.contains(from) => text.replace(from, to).into(),
        _ => message,
    }
}
