//! Properties that hold for every item.

use picus_items::{ErrorKind, Item, Key};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy as _, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Number, Value};

use crate::given::{an_empty_table, json};

/// Numbers that `serde_json` does not round: integers, and halves.
fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>()
            .prop_map(|number| Number::from_f64(f64::from(number) / 2.0)
                .map_or(Value::Null, Value::Number)),
    ]
    .boxed()
}

fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        number(),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(".+", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

fn object() -> BoxedStrategy<Map<String, Value>> {
    btree_map(".+", value(), 0..8).prop_map(|members| members.into_iter().collect()).boxed()
}

/// Turns `1.0` into `1`: they are the same number, but `serde_json` says that they differ.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => {
                Value::from(format!("{float:.0}"))
            }
            Some(_) if !number.is_f64() => Value::from(number.to_string()),
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        other => other,
    }
}

#[test]
fn any_object_comes_back_equal() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let table = runtime.block_on(an_empty_table()).table;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&object(), |object| {
        let sent = Value::Object(object);
        let item = Item::parse(sent.to_string()).unwrap();
        let mut found = runtime.block_on(async {
            let id = table.put(item, None).await.unwrap();
            let found = table.get(&Key::new(id.to_string()).unwrap()).await.unwrap();
            json(&found)
        });
        found.as_object_mut().unwrap().remove("object_id").unwrap();
        assert_eq!(plain(found), plain(sent));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn every_accepted_number_comes_back_with_every_digit() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let table = runtime.block_on(an_empty_table()).table;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let digits = "-?[1-9][0-9]{0,36}[1-9]";
    let outcome = runner.run(&(digits, 0..90_u32), |(digits, zeros)| {
        let sent = format!("{digits}e-{zeros}");
        let found = runtime.block_on(async {
            let item = Item::parse(format!(r#"{{"n":{sent}}}"#)).unwrap();
            let id = table.put(item, None).await.unwrap();
            let found = table.get(&Key::new(id.to_string()).unwrap()).await.unwrap();
            String::from_utf8(found.to_json()).unwrap()
        });
        let text = found.trim_start_matches(r#"{"n":"#).split([',', 'e']).next().unwrap();
        let kept: String = text.chars().filter(char::is_ascii_digit).collect();
        let expected = digits.trim_start_matches('-');
        assert_eq!(
            kept.trim_matches('0'),
            expected.trim_matches('0'),
            "{sent} came back as {text}"
        );
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_body_is_an_item_or_a_client_error() {
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, cases: 2_000, ..Config::default() });
    let bytes = prop_oneof![
        vec(any::<u8>(), 0..64),
        "[\\[\\]{}:,\"0-9eE.+-]{0,40}".prop_map(String::into_bytes)
    ];
    let outcome = runner.run(&bytes, |bytes| {
        if let Err(error) = Item::parse(bytes) {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::InvalidJson
                        | ErrorKind::NotAnObject
                        | ErrorKind::ReservedAttribute
                        | ErrorKind::InvalidAttributeName
                        | ErrorKind::InvalidNumber
                        | ErrorKind::NestingTooDeep
                ),
                "{error:?}"
            );
        }
        Ok(())
    });
    outcome.unwrap();
}
