//! Starts the table that a test uses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use picus_items::{Item, Settings, Table};
use serde_json::Value;

use picus_testing::engine::{self, sdk_config};

const TABLE: &str = "picus_data";

/// An empty table, and a DynamoDB client that writes to it without Picus.
pub(crate) struct Given {
    pub(crate) table: Table,
    other_writer: Client,
}

/// An HTTP client whose every connection is this one.
pub(crate) fn over(connector: impl HttpConnector + Clone + 'static) -> SharedHttpClient {
    http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()))
}

/// Starts an engine with an empty table. It stops when the test's runtime does.
pub(crate) async fn an_empty_table() -> Given {
    let config = sdk_config(engine::start().await).await;
    let other_writer = Client::new(&config);
    Given { table: Table::new(&config, &Settings::default()), other_writer }
}

/// A table at `address`, with short time-outs and one attempt.
pub(crate) async fn a_table_at(address: SocketAddr) -> Table {
    let settings = Settings {
        attempt_timeout: Duration::from_millis(200),
        operation_timeout: Duration::from_secs(1),
        max_attempts: Some(std::num::NonZeroU32::MIN),
        ..Settings::default()
    };
    Table::new(&sdk_config(address).await, &settings)
}

pub(crate) fn item(json: &str) -> Item {
    Item::parse(json.to_owned()).unwrap()
}

/// The item as JSON.
pub(crate) fn json(item: &Item) -> Value {
    serde_json::from_slice(&item.to_json()).unwrap()
}

impl Given {
    /// Writes an item to DynamoDB without Picus.
    pub(crate) async fn another_writer_puts(
        &self,
        id: &str,
        mut attributes: HashMap<String, AttributeValue>,
    ) {
        attributes.insert("object_id".to_owned(), AttributeValue::S(id.to_owned()));
        let put = self.other_writer.put_item().table_name(TABLE);
        put.set_item(Some(attributes)).send().await.unwrap();
    }
}
