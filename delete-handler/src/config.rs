//! What the environment sets.

use std::time::Duration;

use picus_telemetry::TraceSettings;
use picus_telemetry::settings::Reader;

/// The configuration of the delete handler.
#[derive(Debug, Clone)]
pub struct Config {
    /// How soon an answer is to be there.
    pub latency_objective: Duration,
    /// Which logs are written.
    pub log_filter: String,
    /// What metrics and traces are told by.
    pub service_name: String,
    /// How traces are collected.
    pub traces: TraceSettings,
    /// The table, and the bounds on calls to it.
    pub table: picus_items::Settings,
}

impl Config {
    /// Reads the configuration; the reader then knows every setting and every fault.
    pub fn read(env: &mut Reader) -> Self {
        let log_level: String = env.read(
            "AWS_LAMBDA_LOG_LEVEL",
            "info",
            "Which logs are written, as the function's logging configuration sets it.",
        );
        let log_filter: String =
            env.read("RUST_LOG", "", "Which logs are written, in more detail: `target=level,…`.");
        Self {
            latency_objective: env.read_seconds(
                "PICUS_LATENCY_OBJECTIVE_SECONDS",
                "0.3",
                "How soon an answer is to be there; those that are are counted.",
            ),
            service_name: env.read(
                "OTEL_SERVICE_NAME",
                "picus-delete-handler",
                "What logs, metrics and traces call this program.",
            ),
            // Lambda runs an X-Ray daemon of its own; a collector is asked for by name.
            traces: TraceSettings::read(env, ""),
            log_filter: if log_filter.is_empty() { log_level } else { log_filter },
            table: picus_items::Settings {
                table_name: env.read("DYNAMODB_TABLE_NAME", "picus_data", "The table."),
                attempt_timeout: env.read_seconds(
                    "PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS",
                    "2",
                    "The longest that one attempt at a call to DynamoDB may take.",
                ),
                operation_timeout: env.read_seconds(
                    "PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS",
                    "5",
                    "The longest that a call may take with its retries.",
                ),
                max_attempts: env.read_within(
                    "PICUS_DYNAMODB_MAX_ATTEMPTS",
                    "3",
                    1..=10,
                    "How often a call is tried, the first time included.",
                ),
                ..picus_items::Settings::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_filter(set: &'static [(&str, &str)]) -> String {
        let lookup = |name: &str| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned());
        let mut env = Reader::new(lookup);
        let config = Config::read(&mut env);
        env.finish(config).unwrap().log_filter
    }

    #[test]
    fn rust_log_goes_before_the_functions_log_level() {
        assert_eq!(log_filter(&[]), "info");
        assert_eq!(log_filter(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]), "DEBUG");
        assert_eq!(log_filter(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("RUST_LOG", "warn")]), "warn");
    }
}
