//! The connection to DynamoDB: a client with bounds on every call. Its connections live in the runtime
//! that opened them, so a client is for one runtime.

use std::num::NonZeroU32;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    Builder, RuntimeComponents, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder as HttpClientBuilder, Connector};
use aws_smithy_runtime::client::dns::TokioDnsResolver;

use crate::credentials::InTime;
use crate::endpoint::Remembered;
use crate::held_client::HeldClient;
use crate::observe::AttemptObserver;
use crate::retries::{self, RetryMode};
use crate::user_agent::UserAgent;

/// The region where neither `AWS_REGION` nor `AWS_DEFAULT_REGION` names one. ECS and Lambda always
/// set it; asking the instance metadata service, as the SDK would, only delays the start elsewhere.
const DEFAULT_REGION: &str = "eu-central-1";

/// How the table is used. Region, credentials and endpoint are the SDK's own settings (`AWS_*`).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The table's name.
    pub table_name: String,
    /// The longest that one attempt at a call may take.
    pub attempt_timeout: Duration,
    /// The longest that a call may take, its retries and the waits between them included.
    pub operation_timeout: Duration,
    /// How often a call is tried, the first time included; where it is none, the SDK's own settings
    /// decide (`AWS_MAX_ATTEMPTS`). The SDK's token bucket bounds the retries of all calls together,
    /// so that a failing DynamoDB is not met with more load.
    pub max_attempts: Option<NonZeroU32>,
    /// How a call is tried again; where it is none, the SDK's own settings decide (`AWS_RETRY_MODE`).
    pub retry_mode: Option<RetryMode>,
    /// Whether reads see every write that was acknowledged before (twice the price of those that may not).
    pub consistent_reads: bool,
    /// Whether reads that come at once are gathered in one call; otherwise each is a call of its own.
    pub gathers_reads: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            table_name: "picus_data".to_owned(),
            attempt_timeout: Duration::from_secs(2),
            operation_timeout: Duration::from_secs(5),
            max_attempts: None,
            retry_mode: None,
            consistent_reads: true,
            gathers_reads: false,
        }
    }
}

/// What the environment says: region, credentials, endpoint.
pub(crate) async fn environment() -> SdkConfig {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(DEFAULT_REGION);
    aws_config::from_env().region(region).load().await
}

/// A client with the bounds that `settings` set.
pub(crate) fn client(config: &SdkConfig, settings: &Settings) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.attempt_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .operation_timeout(settings.operation_timeout)
        .build();
    let mut client = Builder::from(config);
    client.set_credentials_provider(config.credentials_provider().map(|provider| {
        // A quarter of the attempt is left for what is said of it.
        let timeout = settings.attempt_timeout * 3 / 4;
        SharedCredentialsProvider::new(InTime { provider, timeout })
    }));
    let config = client
        .timeout_config(timeouts)
        .retry_config(retries::config(config, settings.max_attempts, settings.retry_mode))
        // The attempt's timeout already covers a response that stalls.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .endpoint_resolver(Remembered::default())
        .http_client(HeldClient::new(http_client(config)))
        .interceptor(AttemptObserver)
        .interceptor(UserAgent)
        .build();
    Client::from_conf(config)
}

/// The client that `config` has, or the same as the SDK would make.
fn http_client(config: &SdkConfig) -> SharedHttpClient {
    config.http_client().unwrap_or_else(|| {
        HttpClientBuilder::new().build_with_connector_fn(|settings, components| {
            let mut connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            // Its failures can be told from those of connections.
            connector.build_with_resolver(TokioDnsResolver::new())
        })
    })
}
