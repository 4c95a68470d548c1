//! Events of the delete handler.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use lambda_runtime::{Context, LambdaEvent};
use picus_delete_handler::DeleteHandler;
use picus_items::{Settings, Table};
use tokio::runtime::{Builder, Runtime};

/// A handler without a DynamoDB: its calls fail at once.
static HANDLER: LazyLock<(Runtime, DeleteHandler)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .build();
    let handler = runtime.block_on(async {
        DeleteHandler::new(Table::new(&config, &Settings::default()), Duration::from_secs(1))
    });
    (runtime, handler)
});

pub(crate) fn check(event: &[u8]) {
    // Lambda's own library takes only text.
    let Ok(event) = std::str::from_utf8(event) else { return };
    let (runtime, handler) = &*HANDLER;
    let in_a_minute = SystemTime::now() + Duration::from_mins(1);
    let deadline = in_a_minute.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut context = Context::default();
    context.deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
    let answer = runtime.block_on(handler.answer(LambdaEvent::new(event.to_owned(), context)));
    let answer = serde_json::to_value(&answer).expect("an answer is JSON");
    let status = answer["statusCode"].as_u64().expect("an answer has a status");
    assert!((200..600).contains(&status), "status {status}");
    let body = answer["body"].as_str().expect("an answer has a body");
    assert!(!body.contains("Internal error"), "a panic: {body}");
}
