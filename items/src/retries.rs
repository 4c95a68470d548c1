//! How calls are tried again: the SDK's retry behaviour 2.1.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_types::retry::RetrySpec;

/// The longest wait before the first retry of a call that failed for another reason than a throttle. The SDK has
/// this number for DynamoDB where `AWS_NEW_RETRIES_2026` is set; without, it is a second, which few objectives allow.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// The mode and the attempts that are given, or else the environment's, with the waits and the costs of retry
/// behaviour 2.1: a retry takes 14 tokens of the 500 that all of a process's calls share, and 5 after a throttle.
pub(crate) fn config(
    environment: &SdkConfig,
    max_attempts: Option<NonZeroU32>,
    mode: Option<RetryMode>,
) -> RetryConfig {
    let retries = environment.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = max_attempts.map_or(retries.max_attempts(), NonZeroU32::get);
    let mode = mode.map_or(retries.mode(), |RetryMode(mode)| mode);
    // The way by which the SDK itself asks for it; a release that has it by default makes this superfluous.
    let behaviour = RetrySpec::v2_1().with_non_throttling_initial_backoff(FIRST_WAIT);
    retries.with_retry_mode(mode).with_max_attempts(attempts).with_retry_spec(behaviour)
}

/// A mode of retries that the SDK knows. The SDK reads `AWS_RETRY_MODE` itself, and panics where it does not.
#[derive(Debug, Clone, Copy)]
pub struct RetryMode(aws_smithy_types::retry::RetryMode);

impl FromStr for RetryMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The SDK's own words for the fault are many lines, and leave a mode out.
        let known = text.parse::<aws_smithy_types::retry::RetryMode>();
        known.map(Self).map_err(|_| "it must be `standard` or `adaptive`")
    }
}
