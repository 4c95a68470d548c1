//! Retries of calls: the SDK's retry behaviour 2.1.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_types::retry::RetrySpec;

/// The longest wait before the first retry, unless the call was throttled. The SDK uses this value for DynamoDB if
/// `AWS_NEW_RETRIES_2026` is set. Otherwise it waits up to a second, which few latency SLOs allow.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// Mode and attempts as given, otherwise from the environment, with the waits and costs of retry behaviour 2.1. All
/// calls of a process share 500 tokens. A retry costs 14 of them, or 5 after a throttle.
pub(crate) fn config(
    environment: &SdkConfig,
    max_attempts: Option<NonZeroU32>,
    mode: Option<RetryMode>,
) -> RetryConfig {
    let retries = environment.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = max_attempts.map_or(retries.max_attempts(), NonZeroU32::get);
    let mode = mode.map_or(retries.mode(), |RetryMode(mode)| mode);
    // The SDK asks for it in this way. A release that has it by default makes this unnecessary.
    let behaviour = RetrySpec::v2_1().with_non_throttling_initial_backoff(FIRST_WAIT);
    retries.with_retry_mode(mode).with_max_attempts(attempts).with_retry_spec(behaviour)
}

/// A retry mode of the SDK. The SDK itself reads `AWS_RETRY_MODE`, and panics if it is bad.
#[derive(Debug, Clone, Copy)]
pub struct RetryMode(aws_smithy_types::retry::RetryMode);

impl FromStr for RetryMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The SDK's own message has many lines, and omits a mode.
        let known = text.parse::<aws_smithy_types::retry::RetryMode>();
        known.map(Self).map_err(|_| "it must be `standard` or `adaptive`")
    }
}
