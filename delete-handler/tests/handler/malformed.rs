//! Events that are not HTTP requests, and malformed requests: each gets a response.

use std::time::Duration;

use lambda_runtime::LambdaEvent;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy as _, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use tokio::time;

use crate::forms::Form;
use crate::given::{Given, an_empty_table, context};

/// Names that the handler looks for in an event, and some that it does not.
const NAMES: &str = "requestContext|elb|http|method|path|rawPath|httpMethod|headers|multiValueHeaders|version|stage|x-request-id|domainName|[a-z]{0,3}";

fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["DELETE", "2.0", "1.0", "/picus/", "/picus/a", "/picus/%", "Root=1-"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(NAMES, inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

/// The status of the handler's response. Fails if AWS could not read the response.
async fn status(given: &Given, event: Value) -> u64 {
    let answer =
        given.handler.answer(LambdaEvent::new(event.to_string(), context(Duration::from_secs(10))));
    let answer = time::timeout(Duration::from_secs(30), answer).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let headers = [&answer["headers"], &answer["multiValueHeaders"]];
    assert_eq!(headers.into_iter().filter(|headers| headers.is_object()).count(), 1, "{answer}");
    assert!(serde_json::from_str::<Map<_, Value>>(answer["body"].as_str().unwrap()).is_ok());
    answer["statusCode"].as_u64().unwrap()
}

fn check(events: &BoxedStrategy<Value>) {
    let runtime = Runtime::new().unwrap();
    let given = runtime.block_on(an_empty_table());
    let config = Config { failure_persistence: None, cases: 1_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(events, |event| {
        let status = runtime.block_on(status(&given, event));
        assert!((200..300).contains(&status) || (400..500).contains(&status), "{status}");
        Ok(())
    });
    outcome.unwrap();
}

/// Replaces one part of `part` with `value`. Each number of `way` chooses a member, one level deeper than the
/// one before.
fn replace(part: &mut Value, way: &[u8], value: Value) {
    match (part, way) {
        (Value::Object(members), [choice, way @ ..]) if !members.is_empty() => {
            let at = usize::from(*choice) % members.len();
            replace(members.values_mut().nth(at).unwrap(), way, value);
        }
        (part, _) => *part = value,
    }
}

#[test]
fn any_json_is_answered() {
    check(&value());
}

#[test]
fn any_change_to_a_valid_event_is_answered() {
    let change = (select(Form::ALL.to_vec()), any::<[u8; 3]>(), value());
    let changed = change.prop_map(|(form, way, value)| {
        let mut event = form.sample();
        replace(&mut event, &way, value);
        event
    });
    check(&changed.boxed());
}

#[tokio::test]
async fn an_event_that_is_no_request_is_400_in_the_load_balancers_form() {
    let given = an_empty_table().await;
    for event in
        [json!(null), json!([]), json!(1), json!("DELETE"), json!({}), json!({"Records": []})]
    {
        let told = given.tell(Form::LoadBalancer, event).await;
        assert_eq!((told.status, told.field("code")), (400, "invalid_event"));
    }
}

#[tokio::test]
async fn an_event_without_its_method_or_path_is_400_in_its_own_form() {
    let given = an_empty_table().await;
    for form in Form::ALL {
        let (mut no_method, mut no_path) = (form.sample(), form.sample());
        if form.is_version_2() {
            no_method["requestContext"]["http"]["method"] = json!(7);
            no_path.as_object_mut().unwrap().remove("rawPath");
        } else {
            no_method["httpMethod"] = json!(null);
            no_path["path"] = json!(["/picus/a"]);
        }
        for event in [no_method, no_path] {
            let told = given.tell(form, event).await;
            assert_eq!((told.status, told.field("code")), (400, "invalid_event"), "{form:?}");
        }
    }
}
