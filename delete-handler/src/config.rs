//! Settings from environment variables.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use picus_items::RetryMode;
use picus_settings::Reader;
use picus_telemetry::{LogFilter, Service, TraceSettings};

/// The configuration of the delete handler.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "`read` says what each setting is for, in the words of `--help`")]
pub struct Config {
    pub latency_objective: Duration,
    pub log_filter: LogFilter,
    pub service: Service,
    pub traces: TraceSettings,
    pub table: picus_items::Settings,
    pub warm_up: Duration,
}

impl Config {
    /// Reads the configuration. Afterwards the reader knows every setting and every fault.
    pub fn read(env: &mut Reader) -> Self {
        let LogLevel(log_level) = env.read(
            "AWS_LAMBDA_LOG_LEVEL",
            "info",
            "Which logs are written. Lambda sets it from the function's logging configuration. FATAL counts as ERROR.",
        );
        let log_filter = env.read_optional(
            "RUST_LOG",
            "",
            "Which logs are written, in more detail than `AWS_LAMBDA_LOG_LEVEL`: `target=level,…`.",
        );
        // The SDK reads these two as well, and panics if they are bad. So they are checked here.
        let retry_mode: Option<RetryMode> = env.read_optional(
            "AWS_RETRY_MODE",
            "",
            "How the AWS SDK retries: `standard`, or `adaptive`, which also slows down when it is throttled.",
        );
        let of_the_sdk: Option<NonZeroU32> = env.read_optional(
            "AWS_MAX_ATTEMPTS",
            "",
            "The most attempts for a call of the AWS SDK, the first included.",
        );
        Self {
            latency_objective: env.read_seconds(
                "PICUS_LATENCY_OBJECTIVE_SECONDS",
                "0.3",
                "The latency SLO's time to a response. Faster responses count as good.",
            ),
            service: Service::read(env, "picus-delete-handler", env!("CARGO_PKG_VERSION")),
            // Lambda runs its own X-Ray daemon. A collector is used only if the environment names one.
            traces: TraceSettings::read(env, ""),
            log_filter: log_filter.unwrap_or(log_level),
            table: picus_items::Settings {
                table_name: env.read("DYNAMODB_TABLE_NAME", "picus_data", "The name of the DynamoDB table."),
                attempt_timeout: env.read_seconds(
                    "PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS",
                    "2",
                    "The longest time for one attempt to call DynamoDB.",
                ),
                operation_timeout: env.read_seconds(
                    "PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS",
                    "5",
                    "The longest time for a call to DynamoDB, its retries included.",
                ),
                max_attempts: env.read_optional(
                    "PICUS_DYNAMODB_MAX_ATTEMPTS",
                    "",
                    "The most attempts for a call to DynamoDB, the first included. If this is unset, `AWS_MAX_ATTEMPTS` decides.",
                )
                .or(of_the_sdk),
                retry_mode,
                ..picus_items::Settings::default()
            },
            warm_up: Duration::from_secs_f64(env.read_within(
                "PICUS_WARM_UP_SECONDS",
                "0.5",
                0.0..=10.0,
                "How long the start may wait for a connection to DynamoDB, so that the first request finds it open. `0` opens none.",
            )),
        }
    }
}

/// A log level with Lambda's name for it (AWS Lambda Developer Guide, "Log-level filtering").
struct LogLevel(LogFilter);

impl FromStr for LogLevel {
    type Err = <LogFilter as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The highest level here is error.
        let level = if text.eq_ignore_ascii_case("fatal") { "error" } else { text };
        level.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_filter(set: &'static [(&str, &str)]) -> Result<String, String> {
        let lookup = |name: &str| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned());
        let mut env = Reader::new(lookup);
        let config = Config::read(&mut env);
        let config = env.finish(config).map_err(|error| error.to_string())?;
        Ok(format!("{:?}", config.log_filter))
    }

    fn filter(text: &str) -> Result<String, String> {
        Ok(format!("{:?}", text.parse::<LogFilter>()?))
    }

    #[test]
    fn rust_log_overrides_the_functions_log_level() {
        assert_eq!(log_filter(&[]), filter("info"));
        assert_eq!(log_filter(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]), filter("debug"));
        let both: &[_] = &[("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("RUST_LOG", "warn")];
        assert_eq!(log_filter(both), filter("warn"));
    }

    #[test]
    fn lambdas_level_fatal_means_error() {
        assert_eq!(log_filter(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")]), filter("error"));
        for set in [&[("AWS_LAMBDA_LOG_LEVEL", "inof")], &[("RUST_LOG", "FATAL")]] {
            let error = log_filter(set).unwrap_err();
            assert!(error.starts_with(set[0].0) && error.contains("is no level"), "{error}");
        }
    }
}
