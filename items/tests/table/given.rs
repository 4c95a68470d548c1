//! What the tests start from.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use picus_items::{Item, Settings, Table};
use tokio::net::TcpListener;

const TABLE: &str = "picus_data";

/// An empty table, and a client beside Picus' own, as another writer would have it.
pub(crate) struct Given {
    pub(crate) table: Table,
    other_writer: Client,
}

/// Starts an engine with an empty table; it ends with the test's runtime.
pub(crate) async fn an_empty_table() -> Given {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap()).await;
    let engine = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, engine));
    let other_writer = Client::new(&config);
    create_table(&other_writer).await;
    Given { table: Table::new(&config, &Settings::default()), other_writer }
}

/// A table at `address`, used without patience.
pub(crate) async fn a_table_at(address: SocketAddr) -> Table {
    let settings = Settings {
        attempt_timeout: Duration::from_millis(200),
        operation_timeout: Duration::from_secs(1),
        max_attempts: 1,
        ..Settings::default()
    };
    Table::new(&config(address).await, &settings)
}

pub(crate) fn item(json: &str) -> Item {
    Item::parse(json.as_bytes()).unwrap()
}

impl Given {
    /// Writes an item past Picus.
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

async fn config(address: SocketAddr) -> SdkConfig {
    aws_config::from_env()
        .endpoint_url(format!("http://{address}"))
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .load()
        .await
}

async fn create_table(client: &Client) {
    let id = AttributeDefinition::builder()
        .attribute_name("object_id")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("object_id").key_type(KeyType::Hash);
    client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
