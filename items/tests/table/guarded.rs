//! Conditional deletes: they delete only the item that the client has seen.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future;
use picus_items::{Error, ErrorKind, IdempotencyKey, Item, Key, Table};

use crate::given::{an_empty_table, item};

/// Deletes the item if its JSON is `json`, as `If-Match` with the item's entity-tag does.
async fn delete_if(table: &Table, key: &Key, json: &[u8]) -> Result<(), Error> {
    table.delete_if(key, |found| found.to_json() == json).await
}

async fn put(table: &Table, json: &str) -> Key {
    Key::new(table.put(item(json), None).await.unwrap().to_string()).unwrap()
}

fn refused(result: Result<(), Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn a_conditional_delete_removes_only_the_matching_item() {
    let table = an_empty_table().await.table;
    for json in [
        "{}",
        r#"{"a":null,"b":[1.50,{"c":""},[]],"d":{"e":true},"size":-1e-130,"ü.#:":"x"}"#,
        &format!(
            "{{{}}}",
            (0..149).map(|at| format!("\"{at}\":{at}")).collect::<Vec<_>>().join(",")
        ),
        &format!(r#"{{"a":"{}"}}"#, "x".repeat(400_000)),
    ] {
        let key = put(&table, json).await;
        let found = table.get(&key).await.unwrap().to_json();
        assert_eq!(refused(delete_if(&table, &key, b"{}").await), ErrorKind::PreconditionFailed);
        assert_eq!(table.get(&key).await.unwrap().to_json(), found, "it stays");
        delete_if(&table, &key, &found).await.unwrap();
        assert_eq!(refused(delete_if(&table, &key, &found).await), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn items_of_other_writers_can_be_deleted_conditionally() {
    let given = an_empty_table().await;
    let odd = HashMap::from([
        ("bytes".to_owned(), AttributeValue::B(Blob::new([0, 255]))),
        ("texts".to_owned(), AttributeValue::Ss(vec!["b".into(), "a".into()])),
        ("numbers".to_owned(), AttributeValue::Ns(vec!["2".into(), "1".into()])),
    ]);
    given.another_writer_puts("odd", odd).await;
    let key = Key::new("odd").unwrap();
    let found = given.table.get(&key).await.unwrap().to_json();
    delete_if(&given.table, &key, &found).await.unwrap();
}

#[tokio::test]
async fn an_item_with_too_many_attributes_for_a_condition_stays() {
    let table = an_empty_table().await.table;
    let members: Vec<_> = (0..150).map(|at| format!("\"{at}\":1")).collect();
    let key = put(&table, &format!("{{{}}}", members.join(","))).await;
    let error = table.delete_if(&key, |_| true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    assert!(error.message().contains("too many attributes"), "{error}");
    assert!(table.get(&key).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_changes_after_the_check_stays() {
    let given = an_empty_table().await;
    let key = Key::new("k").unwrap();
    let with = |value: &str| HashMap::from([("a".to_owned(), AttributeValue::S(value.to_owned()))]);
    for changed in [with("2"), HashMap::new()] {
        given.another_writer_puts("k", with("1")).await;
        let write = given.another_writer_puts("k", changed.clone());
        // The condition is checked between the read and the delete. The item changes at this moment.
        let judge = |_: &Item| {
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(write));
            true
        };
        assert_eq!(
            refused(Box::pin(given.table.delete_if(&key, judge)).await),
            ErrorKind::PreconditionFailed
        );
        assert!(given.table.get(&key).await.is_ok(), "{changed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_deleted_after_the_check_is_not_found() {
    let table = an_empty_table().await.table;
    let key = put(&table, "{}").await;
    let judge = |_: &Item| {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(table.delete(&key)).unwrap();
        });
        true
    };
    assert_eq!(refused(table.delete_if(&key, judge).await), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_conditional_deletes_exactly_one_succeeds() {
    let table = an_empty_table().await.table;
    let key = put(&table, r#"{"a":1}"#).await;
    let found = table.get(&key).await.unwrap().to_json();
    let deletes = future::join_all((0..20).map(|_| delete_if(&table, &key, &found))).await;
    assert_eq!(deletes.iter().filter(|result| result.is_ok()).count(), 1);
}

/// A put with the same idempotency key gives a new item the same id. A conditional delete must never delete
/// that new item, even if it races with a delete and a put.
#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_delete_never_removes_the_next_item_with_the_same_id() {
    let table = an_empty_table().await.table;
    let order = IdempotencyKey::new("order-1").unwrap();
    for round in 0..50 {
        let id = table.put(item(r#"{"a":"old"}"#), Some(&order)).await.unwrap();
        let key = Key::new(id.to_string()).unwrap();
        let old = table.get(&key).await.unwrap().to_json();
        let replace = async {
            let _ = table.delete(&key).await;
            table.put(item(r#"{"a":"new"}"#), Some(&order)).await.unwrap();
        };
        let guarded = future::join_all((0..4).map(|_| delete_if(&table, &key, &old)));
        future::join(replace, guarded).await;
        let left = table.get(&key).await.unwrap().to_json();
        assert!(left.starts_with(br#"{"a":"new""#), "round {round}");
        table.delete(&key).await.unwrap();
    }
}
