//! Keys in paths, and what is in queries.

use std::fmt::Write as _;

use picus_api::route;
use picus_items::{Cursor, IdempotencyKey, Key, Limit};

pub(crate) fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let _ = route::template(text);
    if let Some(segment) = route::segment(text, route::GET_PARENT) {
        key(segment);
    }
    key(text);
    if let Ok(cursor) = Cursor::parse(text) {
        assert_eq!(Cursor::parse(&cursor.to_string()).expect("a cursor of ours"), cursor);
    }
    if let Ok(limit) = Limit::parse(text) {
        assert!((1..=1000).contains(&limit.get()), "a limit of {}", limit.get());
    }
    if IdempotencyKey::new(text).is_ok() {
        assert!((1..=255).contains(&text.len()), "a key of {} bytes", text.len());
    }
}

fn key(segment: &str) {
    let Ok(key) = Key::from_path_segment(segment) else { return };
    assert!((1..=2048).contains(&key.as_str().len()), "a key of {} bytes", key.as_str().len());
    let mut encoded = String::new();
    for byte in key.as_str().bytes() {
        // Writing to a string never fails.
        let _ = write!(encoded, "%{byte:02X}");
    }
    assert_eq!(Key::from_path_segment(&encoded).expect("the same key, encoded"), key);
}
