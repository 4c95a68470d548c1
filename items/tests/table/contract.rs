//! What callers of `Table` may rely on.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt as _, future, stream};
use picus_items::{Cursor, ErrorKind, IdempotencyKey, Item, Key, Limit, Table};

use crate::given::{an_empty_table, item, json};

fn key(text: impl Into<String>) -> Key {
    Key::new(text).unwrap()
}

fn limit(number: u16) -> Limit {
    Limit::parse(&number.to_string()).unwrap()
}

async fn put_many(table: &Table, count: usize) -> HashSet<String> {
    let puts = stream::iter(0..count).map(|_| table.put(item(r#"{"a":1}"#), None));
    puts.buffer_unordered(16).map(|id| id.unwrap().to_string()).collect().await
}

fn ids(items: &[picus_items::Item]) -> Vec<String> {
    let id = |item| json(item)["object_id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

#[tokio::test]
async fn a_get_returns_what_was_put_with_its_id() {
    let given = an_empty_table().await;
    let id = given.table.put(item(r#"{"b":[1.50,null],"a":{"é":true}}"#), None).await.unwrap();
    let found = given.table.get(&key(id.to_string())).await.unwrap();
    assert_eq!(id.get_version_num(), 4);
    let expected = format!(r#"{{"a":{{"é":true}},"b":[1.5,null],"object_id":"{id}"}}"#);
    assert_eq!(String::from_utf8(found.to_json()).unwrap(), expected);
}

#[tokio::test]
async fn an_idempotency_key_writes_once() {
    let table = an_empty_table().await.table;
    let order = IdempotencyKey::new("order-1").unwrap();
    let first = table.put(item(r#"{"a":1.0}"#), Some(&order)).await.unwrap();
    let again = table.put(item(r#"{"a":1e0}"#), Some(&order)).await.unwrap();
    assert_eq!(first, again);
    let conflict = table.put(item(r#"{"a":2}"#), Some(&order)).await.unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::IdempotencyConflict);
    let found = json(&table.get(&key(first.to_string())).await.unwrap());
    assert_eq!(found["a"], 1, "the first item stays");
}

/// docs/API.md promises that an idempotency key is used up as long as its item exists.
#[tokio::test]
async fn a_delete_frees_the_idempotency_key_of_its_item() {
    let table = an_empty_table().await.table;
    let order = IdempotencyKey::new("order-1").unwrap();
    let first = table.put(item(r#"{"a":1}"#), Some(&order)).await.unwrap();
    table.delete(&key(first.to_string())).await.unwrap();
    let next = table.put(item(r#"{"a":2}"#), Some(&order)).await.unwrap();
    assert_eq!(first, next, "the id is derived from the key");
    assert_eq!(json(&table.get(&key(next.to_string())).await.unwrap())["a"], 2);
}

#[tokio::test]
async fn an_item_over_dynamodbs_size_limit_is_refused() {
    let table = an_empty_table().await.table;
    // `object_id` takes 9 bytes, its value 36, the name `a` 1.
    let of_size = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 46));
    table.put(item(&of_size(409_600)), None).await.unwrap();
    let error = Item::parse(of_size(409_601)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn the_deepest_item_that_is_accepted_can_be_stored() {
    let table = an_empty_table().await.table;
    let deepest = format!("{}1{}", r#"{"a":"#.repeat(32), "}".repeat(32));
    table.put(item(&deepest), None).await.unwrap();
}

#[tokio::test]
async fn every_accepted_notation_of_a_number_can_be_stored() {
    let table = an_empty_table().await.table;
    for (number, expected) in [
        ("0e126", "0"),
        ("0E-131", "0"),
        ("-0.0e-140", "0"),
        (&format!("0.{}", "0".repeat(131)), "0"),
        ("0.0001e129", "1e125"),
        ("10e-131", "1e-130"),
        ("1000000e-136", "1e-130"),
        ("1E+00125", "1e125"),
        (&format!("1e{}125", "0".repeat(50)), "1e125"),
        (&format!("0.{}1e131", "0".repeat(130)), "1"),
        (&format!("1{}e-130", "0".repeat(130)), "1"),
    ] {
        let id = table.put(item(&format!("{{\"n\":{number}}}")), None).await.expect(number);
        let found = table.get(&key(id.to_string())).await.unwrap().to_json();
        let text = String::from_utf8(found).unwrap();
        let text = text.trim_start_matches(r#"{"n":"#).split(',').next().unwrap();
        assert_eq!(text.parse::<f64>(), expected.parse::<f64>(), "{number} became {text}");
    }
}

#[tokio::test]
async fn an_item_of_huge_numbers_is_returned_about_as_long_as_it_was_put() {
    let table = an_empty_table().await.table;
    let put = format!("{{\"n\":[{}]}}", vec!["1E125"; 1_000].join(","));
    let id = table.put(item(&put), None).await.unwrap();
    let found = table.get(&key(id.to_string())).await.unwrap().to_json();
    assert!(found.len() < put.len() + 100, "{} bytes of {}", found.len(), put.len());
}

#[tokio::test]
async fn a_missing_item_is_not_found() {
    let table = an_empty_table().await.table;
    let error = table.get(&key("no-such")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::NotFound, "Item with key 'no-such' not found")
    );
    let error = table.delete(&key("no-such")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::NotFound, "Item with key \"no-such\" not found")
    );
}

#[tokio::test]
async fn of_concurrent_deletes_exactly_one_succeeds() {
    let table = an_empty_table().await.table;
    let id = key(table.put(item("{}"), None).await.unwrap().to_string());
    let deletes = future::join_all((0..20).map(|_| table.delete(&id))).await;
    assert_eq!(deletes.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(table.get(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn pages_contain_each_item_once_and_the_last_has_no_cursor() {
    let table = an_empty_table().await.table;
    let put = put_many(&table, 10).await;
    for page_size in [1, 3, 5, 9, 10, 11] {
        let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let page = table.page(limit(page_size), cursor).await.unwrap();
            assert!(page.items.len() <= usize::from(page_size));
            seen.extend(ids(&page.items));
            pages += 1;
            let Some(next) = page.next else { break };
            cursor = Some(Cursor::parse(&next.to_string()).unwrap());
        }
        assert_eq!(seen.len(), 10, "pages of {page_size}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), put);
        assert_eq!(pages, 10_usize.div_ceil(usize::from(page_size)), "pages of {page_size}");
    }
}

#[tokio::test]
async fn an_empty_table_has_one_empty_page() {
    let table = an_empty_table().await.table;
    let page = table.page(limit(1), None).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn a_cursor_stays_valid_when_its_item_is_deleted() {
    let table = an_empty_table().await.table;
    let put = put_many(&table, 4).await;
    let page = table.page(limit(2), None).await.unwrap();
    let first = ids(&page.items);
    table.delete(&key(first[1].as_str())).await.unwrap();
    let rest = ids(&table.page(limit(10), page.next).await.unwrap().items);
    let all: HashSet<_> = first.into_iter().chain(rest).collect();
    assert_eq!(all, put);
}

#[tokio::test]
async fn a_scan_returns_every_item_over_many_pages() {
    let table = an_empty_table().await.table;
    let put = put_many(&table, 2_100).await;
    let (mut seen, mut pages, mut next) = (Vec::new(), 0, None);
    while pages == 0 || next.is_some() {
        let (items, rest) = table.scan(next, 800).await.unwrap();
        seen.extend(ids(&items));
        (pages, next) = (pages + 1, rest);
    }
    assert!(pages >= 3);
    assert_eq!(seen.len(), put.len());
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), put);
}

#[tokio::test]
async fn items_of_other_writers_are_returned() {
    let given = an_empty_table().await;
    let odd = HashMap::from([
        ("bytes".to_owned(), AttributeValue::B(Blob::new([0, 255]))),
        ("set".to_owned(), AttributeValue::Ns(vec!["1".into()])),
        ("big".to_owned(), AttributeValue::N("1e100".into())),
    ]);
    given.another_writer_puts("odd / key", odd).await;
    let found = json(&given.table.get(&key("odd / key")).await.unwrap());
    assert_eq!(found["bytes"], "AP8=");
    assert_eq!(found["set"], serde_json::json!([1]));
    assert_eq!(found["big"], 1e100);
}
