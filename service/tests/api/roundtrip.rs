//! A get returns exactly what was put, with every digit.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy as _, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use struson::reader::{JsonReader as _, JsonStreamReader, ReaderSettings, ValueType};

use crate::app::spawn_app;

/// JSON whose numbers keep their digits.
#[derive(Debug, Clone)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::Text(text) => json!(text).to_string(),
            Self::Array(values) => {
                format!("[{}]", values.iter().map(Self::text).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let member =
                    |(name, value): (&String, &Self)| format!("{}:{}", json!(name), value.text());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Whether the reader's next value equals this one.
    fn is_next(&self, found: &mut JsonStreamReader<&[u8]>) -> bool {
        match (self, found.peek().unwrap()) {
            (Self::Null, ValueType::Null) => found.next_null().is_ok(),
            (Self::Bool(value), ValueType::Boolean) => found.next_bool().unwrap() == *value,
            (Self::Number(number), ValueType::Number) => {
                decimal(number) == decimal(found.next_number_as_str().unwrap())
            }
            (Self::Text(text), ValueType::String) => found.next_str().unwrap() == text,
            (Self::Array(values), ValueType::Array) => {
                found.begin_array().unwrap();
                values.iter().all(|value| found.has_next().unwrap() && value.is_next(found))
                    && found.end_array().is_ok()
            }
            (Self::Object(members), ValueType::Object) => {
                found.begin_object().unwrap();
                // Both have their names in order.
                members.iter().all(|(name, value)| {
                    found.has_next().unwrap()
                        && found.next_name().unwrap() == name
                        && value.is_next(found)
                }) && found.end_object().is_ok()
            }
            _ => false,
        }
    }
}

/// A JSON number's value: whether it is negative, its digits without zeros at either end, and the power of ten
/// of the last digit.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = mantissa.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let kept = significant.trim_end_matches('0');
    if kept.is_empty() {
        return (false, String::new(), 0);
    }
    let dropped = i64::try_from(significant.len() - kept.len()).unwrap();
    let scale = i64::try_from(fraction.len()).unwrap();
    let power = exponent.parse::<i64>().unwrap() - scale + dropped;
    (mantissa.starts_with('-'), kept.to_owned(), power)
}

fn number() -> impl proptest::strategy::Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,18})\\.[0-9]{1,19}",
        // Up to 38 digits, near both ends of DynamoDB's range.
        "-?[1-9]\\.[0-9]{0,36}[1-9][eE](\\+?(1[01][0-9]|12[0-5])|-(1[0-2][0-9]|130))",
        Just("-0".to_owned()),
        Just("0.000e99".to_owned()),
    ]
}

fn object() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(Json::Number),
        any::<String>().prop_map(Json::Text),
    ];
    let value = leaf.prop_recursive(8, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::Array),
            btree_map("\\PC{1,12}", inner, 0..5).prop_map(Json::Object),
        ]
    });
    let name = any::<String>()
        .prop_filter("a name that can be put", |name| !name.is_empty() && name != "object_id");
    btree_map(name, value, 0..6).prop_map(Json::Object).boxed()
}

#[test]
fn any_object_within_the_limits_comes_back_equal() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let app = runtime.block_on(spawn_app());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&object(), |object| {
        runtime.block_on(async {
            let response = app.put_text(object.text()).await;
            assert_eq!(response.status(), 201, "{}", object.text());
            let location = response.headers()["location"].to_str().unwrap().to_owned();
            let found = app.get_path(&location).await.text().await.unwrap();
            let Json::Object(mut members) = object else { unreachable!("it is an object") };
            let id = location.rsplit('/').next().unwrap().to_owned();
            members.insert("object_id".to_owned(), Json::Text(id));
            let settings =
                ReaderSettings { restrict_number_values: false, ..ReaderSettings::default() };
            let mut reader = JsonStreamReader::new_custom(found.as_bytes(), settings);
            assert!(
                Json::Object(members.clone()).is_next(&mut reader),
                "{} became {found}",
                Json::Object(members).text()
            );
        });
        Ok(())
    });
    outcome.unwrap();
}
