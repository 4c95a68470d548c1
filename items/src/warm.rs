//! Opens a connection to DynamoDB before the first call: resolving the name, TCP and TLS take long with little CPU.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Config, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::interceptors::{disable_interceptor, dyn_dispatch_hint};
use aws_smithy_types::body::SdkBody;
use tokio::time;

use crate::attributes::OBJECT_ID;
use crate::observe::AttemptObserver;

/// Opens a connection, and leaves it to later calls. Failures are ignored, because the first call will report them.
pub(crate) async fn connection(client: &Client, table_name: &str, within: Duration) {
    let read = client
        .get_item()
        .table_name(table_name)
        .key(OBJECT_ID, AttributeValue::S("-".to_owned()))
        .customize()
        .config_override(Config::builder().retry_config(RetryConfig::disabled()))
        .interceptor(HealthInstead);
    let _ = time::timeout(within, read.send()).await;
}

/// Sends a health check instead of the read, which needs no permission and no capacity. By then the SDK has prepared
/// the read, with credentials.
#[derive(Debug)]
struct HealthInstead;

#[dyn_dispatch_hint]
impl Intercept for HealthInstead {
    fn name(&self) -> &'static str {
        "HealthInstead"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uncounted = disable_interceptor::<AttemptObserver>("it is no call of anybody's");
        config.interceptor_state().store_put(uncounted);
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.set_method("GET")?;
        *request.body_mut() = SdkBody::empty();
        let headers = request.headers_mut();
        for of_the_read in [
            "authorization",
            "content-length",
            "content-type",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-target",
        ] {
            headers.remove(of_the_read);
        }
        Ok(())
    }
}
