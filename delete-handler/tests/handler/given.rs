//! Starts the handler and the table that a test uses.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, LambdaEvent};
use picus_delete_handler::DeleteHandler;
use picus_items::{Item, Key, Settings, Table};
use serde_json::Value;
use tokio::time;

use crate::dynamodb;
use crate::forms::Form;
use crate::told::Told;
use picus_testing::engine::{self, sdk_config};

/// The time that the function has for an event, by default.
const DEADLINE: Duration = Duration::from_secs(10);
/// No test may wait longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A delete handler, and the table that it deletes from.
pub(crate) struct Given {
    pub(crate) handler: DeleteHandler,
    table: Table,
    address: SocketAddr,
}

/// A handler with an empty table. The engine stops when the test's runtime does.
pub(crate) async fn an_empty_table() -> Given {
    given(engine::start().await, &Settings::default()).await
}

/// A handler that uses the DynamoDB at `address`, with the time-outs and retries of `settings`.
pub(crate) async fn given(address: SocketAddr, settings: &Settings) -> Given {
    let table = Table::new(&sdk_config(address).await, settings);
    Given { handler: DeleteHandler::new(table.clone(), Duration::from_millis(300)), table, address }
}

/// Short time-outs, so that tests of failures are fast.
pub(crate) fn impatient() -> Settings {
    Settings {
        attempt_timeout: Duration::from_millis(500),
        operation_timeout: Duration::from_secs(1),
        max_attempts: Some(std::num::NonZeroU32::MIN),
        ..Settings::default()
    }
}

/// The context of an invocation whose deadline is `left` from now.
pub(crate) fn context(left: Duration) -> Context {
    let deadline = (SystemTime::now() + left).duration_since(UNIX_EPOCH).unwrap();
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    context.deadline = deadline.as_millis().try_into().unwrap();
    context
}

impl Given {
    /// Stores an item with this key. It bypasses `Table::put`, which would choose a key.
    pub(crate) async fn an_item(&self, key: &str) {
        dynamodb::put(self.address, key).await;
    }

    /// Stores an item, and returns its key.
    pub(crate) async fn some_item(&self) -> String {
        self.table.put(Item::parse("{}").unwrap(), None).await.unwrap().to_string()
    }

    pub(crate) async fn has(&self, key: &str) -> bool {
        self.table.get(&Key::new(key).unwrap()).await.is_ok()
    }

    /// The handler's response when `form` sends `event`.
    pub(crate) async fn tell(&self, form: Form, event: Value) -> Told {
        self.tell_within(form, event, context(DEADLINE)).await
    }

    pub(crate) async fn tell_within(&self, form: Form, event: Value, context: Context) -> Told {
        let answer = self.handler.answer(LambdaEvent::new(event.to_string(), context));
        let answer = time::timeout(PATIENCE, answer).await.unwrap();
        let told = Told::read(form, &serde_json::to_value(&answer).unwrap());
        assert_eq!(answer.status(), told.status);
        told
    }
}
