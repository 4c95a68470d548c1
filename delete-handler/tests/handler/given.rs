//! What the tests start from.

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

/// The time that the function has for an event, unless a test says otherwise.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longer than any test may wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A delete handler, and the table that it deletes from.
pub(crate) struct Given {
    pub(crate) handler: DeleteHandler,
    table: Table,
    address: SocketAddr,
}

/// A handler on an empty table; the engine ends with the test's runtime.
pub(crate) async fn an_empty_table() -> Given {
    given(engine::start().await, &Settings::default()).await
}

/// A handler whose calls are bounded as `settings` say.
pub(crate) async fn given(address: SocketAddr, settings: &Settings) -> Given {
    let table = Table::new(&sdk_config(address).await, settings);
    Given { handler: DeleteHandler::new(table.clone(), Duration::from_millis(300)), table, address }
}

/// Little patience, so that the tests of failures are quick.
pub(crate) fn impatient() -> Settings {
    Settings {
        attempt_timeout: Duration::from_millis(500),
        operation_timeout: Duration::from_secs(1),
        max_attempts: Some(std::num::NonZeroU32::MIN),
        ..Settings::default()
    }
}

/// What Lambda knows of an invocation that ends in `left`.
pub(crate) fn context(left: Duration) -> Context {
    let deadline = (SystemTime::now() + left).duration_since(UNIX_EPOCH).unwrap();
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    context.deadline = deadline.as_millis().try_into().unwrap();
    context
}

impl Given {
    /// Stores an item, past the API that would choose its key.
    pub(crate) async fn an_item(&self, key: &str) {
        dynamodb::put(self.address, key).await;
    }

    /// Stores an item, and returns the key that it was given.
    pub(crate) async fn some_item(&self) -> String {
        self.table.put(Item::parse("{}").unwrap(), None).await.unwrap().to_string()
    }

    pub(crate) async fn has(&self, key: &str) -> bool {
        self.table.get(&Key::new(key).unwrap()).await.is_ok()
    }

    /// What `form` is told when it sends `event`.
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
