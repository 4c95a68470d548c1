//! DynamoDB: an engine in the test's process.

use std::net::SocketAddr;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use tokio::net::TcpListener;

/// Starts an engine with an empty table. It ends with the runtime.
///
/// # Panics
/// If it does not start.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let engine = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, engine));
    create_table(&Client::new(&sdk_config(address).await)).await;
    address
}

/// The SDK's configuration for the engine at this address.
pub async fn sdk_config(dynamodb: SocketAddr) -> SdkConfig {
    aws_config::from_env()
        .endpoint_url(format!("http://{dynamodb}"))
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
        .table_name("picus_data")
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
