//! What clients receive when DynamoDB fails.

use std::time::{Duration, Instant};

use picus_items::Settings;
use tokio::sync::watch;
use tokio::time;

use crate::dynamodb::{self, Health};
use crate::forms::{Form, set_header};
use crate::given::{Given, context, given, impatient};
use crate::told::Told;
use picus_testing::engine;

/// Internal details that no response may contain.
const INTERNAL: [&str; 8] =
    ["127.0.0.1", "arn:", "secret", "dispatch", "Exception", "refused", "picus_data", "panic"];

fn assert_discreet(told: &Told) {
    let text = format!("{told:?}");
    assert!(!INTERNAL.iter().any(|word| text.contains(word)), "{text}");
}

/// Starts a handler, and returns it with the switch that makes its DynamoDB fail.
async fn troubled(settings: &Settings) -> (Given, watch::Sender<Health>) {
    let (address, health) = dynamodb::start_behind(engine::start().await).await;
    (given(address, settings).await, health)
}

#[tokio::test]
async fn each_fault_has_its_error_and_ends_when_dynamodb_recovers() {
    let (given, health) = troubled(&impatient()).await;
    let (slow_down, in_time) = (
        "Could not delete item: too many requests at this time, retry later",
        "Could not delete item in time, retry later",
    );
    for (trouble, expected) in [
        (Health::Throttling, (503, "throttled", slow_down)),
        (Health::Silent, (504, "deadline_exceeded", in_time)),
        (Health::Failing, (500, "internal", "Could not delete item")),
        (Health::Denying, (500, "internal", "Could not delete item")),
        (Health::Gone, (500, "internal", "Could not delete item")),
    ] {
        for form in Form::ALL {
            health.send_replace(Health::Well);
            let key = given.some_item().await;
            health.send_replace(trouble);
            let told = given.tell(form, form.delete(&key)).await;
            assert_eq!(told.failure(), expected, "{form:?} {trouble:?}");
            assert_discreet(&told);
            if told.status == 503 {
                assert_eq!(told.headers["retry-after"], "1");
            }
            health.send_replace(Health::Well);
            assert_eq!(given.tell(form, form.delete(&key)).await.status, 200, "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn an_unreachable_dynamodb_is_500_without_internal_details() {
    let given = given(dynamodb::nowhere().await, &impatient()).await;
    for form in Form::ALL {
        let mut guarded = form.delete("k");
        set_header(&mut guarded, "if-match", "*");
        for event in [form.delete("k"), guarded] {
            let told = given.tell(form, event).await;
            assert_eq!(told.failure(), (500, "internal", "Could not delete item"), "{form:?}");
            assert_discreet(&told);
        }
    }
}

#[tokio::test]
async fn a_bad_request_is_400_even_if_dynamodb_is_unreachable() {
    let given = given(dynamodb::nowhere().await, &impatient()).await;
    for form in Form::ALL {
        assert_eq!(given.tell(form, form.delete("")).await.status, 400, "{form:?}");
    }
}

#[tokio::test]
async fn the_response_comes_before_the_invocations_deadline() {
    // DynamoDB's time-out is longer than the invocation may take.
    let (given, health) = troubled(&Settings::default()).await;
    health.send_replace(Health::Silent);
    let left = Duration::from_millis(800);
    for form in [Form::LoadBalancer, Form::RestApi, Form::HttpApi] {
        let started = Instant::now();
        let told = given.tell_within(form, form.delete("k"), context(left)).await;
        assert!(started.elapsed() < left, "{:?}", started.elapsed());
        assert_eq!(told.failure().0, 504, "{form:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_504_at_once() {
    let (given, health) = troubled(&Settings::default()).await;
    health.send_replace(Health::Silent);
    let form = Form::LoadBalancer;
    let told = given.tell_within(form, form.delete("k"), context(Duration::ZERO));
    let told = time::timeout(Duration::from_secs(1), told).await.unwrap();
    assert_eq!(told.failure().0, 504);
}
