//! Bodies of puts.

use picus_items::Item;
use serde::de::IgnoredAny;

pub(crate) fn check(body: &[u8]) {
    let weight = Item::weight(body);
    let Ok(item) = Item::parse(body.to_vec()) else { return };
    assert!(weight > 0, "an item without a weight");
    assert!(is_json(body), "an item from text that is not JSON");
    let json = item.to_json();
    assert!(is_json(&json), "an item that is not JSON");
    let again = Item::parse(json.clone()).expect("an item can be put again");
    assert_eq!(again.to_json(), json, "an item changes when it is put again");
}

/// By another reader, without a limit for depth.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
