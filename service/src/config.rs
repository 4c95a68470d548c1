//! What the environment sets.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use picus_items::RetryMode;
use picus_settings::Reader;
use picus_telemetry::{LogFilter, PercentileSettings, Service, TraceSettings};

/// The configuration of the service.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "`read` says what each setting is for, in the words of `--help`")]
pub struct Config {
    pub address: SocketAddr,
    pub metrics_address: SocketAddr,
    pub workers: usize,
    pub max_connections: usize,
    pub max_in_flight: usize,
    pub max_bytes_in_flight: usize,
    pub max_body_bytes: usize,
    pub client_timeout: Duration,
    pub least_rate: u32,
    pub stall_timeout: Duration,
    pub request_timeout: Duration,
    pub keep_alive: Duration,
    pub shutdown_delay: Duration,
    pub shutdown_grace: Duration,
    pub latency_objective: Duration,
    pub log_filter: LogFilter,
    pub service: Service,
    pub traces: TraceSettings,
    pub percentiles: Option<PercentileSettings>,
    pub table: picus_items::Settings,
}

impl Config {
    /// Reads the configuration; the reader then knows every setting and every fault.
    pub fn read(env: &mut Reader) -> Self {
        let traces = TraceSettings::read(env, "http://127.0.0.1:4318");
        // The SDK reads these two itself as well, and panics where it can't use them.
        let retry_mode: Option<RetryMode> = env.read_optional("AWS_RETRY_MODE", "", "How the AWS SDK tries a call again: `standard`, or `adaptive`, which also slows down while it is throttled.");
        let of_the_sdk: Option<NonZeroU32> = env.read_optional(
            "AWS_MAX_ATTEMPTS",
            "",
            "How often the AWS SDK tries a call, the first time included.",
        );
        Self {
            address: env.read("PICUS_ADDRESS", "0.0.0.0:8080", "Where the API is served."),
            workers: env
                .read::<Workers>("PICUS_WORKERS", "auto", "Threads that serve requests; `auto`: one for each CPU of this process's share.")
                .count(),
            max_in_flight: env.read_within("PICUS_MAX_IN_FLIGHT", "256", 1..=100_000, "Requests worked on at once, a quarter of them lists; those past it get 503."),
            // A task of 512 MB has room for as much again, beside the collector: docs/decisions/bytes-in-flight.md. With
            // less than the least, the heaviest item could not be served at all.
            max_bytes_in_flight: env.read_within("PICUS_MAX_BYTES_IN_FLIGHT", "67108864", 67_108_864..=68_719_476_736, "What all requests may take up in memory together; those past it get 503."),
            max_connections: env.read_within("PICUS_MAX_CONNECTIONS", "1024", 1..=100_000, "Connections at once; more wait to be taken."),
            // JSON may take a few times what DynamoDB counts, by its escapes and white space.
            max_body_bytes: env.read_within("PICUS_MAX_BODY_BYTES", "1638400", 1..=104_857_600, "The largest body that is read; a larger one gets 413."),
            client_timeout: env.read_seconds("PICUS_CLIENT_TIMEOUT_SECONDS", "10", "The longest that a client may take to send a request's head, and then its body."),
            least_rate: env.read_within("PICUS_LEAST_BYTES_PER_SECOND", "4096", 1..=1_048_576, "The rate at which a client must at least send a body, after 3 seconds, and take an answer."),
            stall_timeout: env.read_seconds("PICUS_STALL_TIMEOUT_SECONDS", "10", "The longest that a client may take its answer more slowly than that; then its connection ends."),
            request_timeout: env.read_seconds("PICUS_REQUEST_TIMEOUT_SECONDS", "20", "The longest that an answer may take to begin; then it is 504."),
            keep_alive: env.read_seconds("PICUS_KEEP_ALIVE_SECONDS", "75", "How long an idle connection is kept: longer than the load balancer keeps it."),
            shutdown_delay: Duration::from_secs_f64(env.read_within("PICUS_SHUTDOWN_DELAY_SECONDS", "5", 0.0..=86_400.0, "How long connections are still taken after SIGTERM, each for one answer: longer than the load balancer takes to send requests elsewhere.")),
            shutdown_grace: env.read_seconds("PICUS_SHUTDOWN_GRACE_SECONDS", "25", "How long requests may go on after SIGTERM, the delay included; shorter than ECS's `StopTimeout`."),
            metrics_address: SocketAddr::new(
                env.read::<IpAddr>("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1", "Where /metrics is served: the address."),
                env.read("OTEL_EXPORTER_PROMETHEUS_PORT", "9464", "Where /metrics is served: the port."),
            ),
            log_filter: env.read("RUST_LOG", "info,actix_server=warn,actix_http=off", "Which logs are written: a level, or `target=level,…`; none below DEBUG."),
            latency_objective: env.read_seconds("PICUS_LATENCY_OBJECTIVE_SECONDS", "0.3", "Target time to first byte; faster answers are counted."),
            service: Service::read(env, "picus-service", env!("CARGO_PKG_VERSION")),
            percentiles: PercentileSettings::read(env, &traces),
            traces,
            table: picus_items::Settings {
                table_name: env.read("DYNAMODB_TABLE_NAME", "picus_data", "The table."),
                attempt_timeout: env.read_seconds("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "2", "The longest that one attempt at a call to DynamoDB may take."),
                operation_timeout: env.read_seconds("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "5", "The longest that a call may take with its retries."),
                max_attempts: env.read_optional("PICUS_DYNAMODB_MAX_ATTEMPTS", "", "How often a call to DynamoDB is tried, the first time included; `AWS_MAX_ATTEMPTS` decides if this is not set.").or(of_the_sdk),
                retry_mode,
                consistent_reads: env.read_bool("PICUS_CONSISTENT_READS", "true", "Whether reads see every write before them; `false` halves their price."),
            },
        }
    }
}

/// `auto`, or a number of threads.
struct Workers(Option<NonZeroUsize>);

impl Workers {
    /// A task with a quarter of a CPU on a machine of 64 gets one thread: the standard library
    /// knows the quota of the control group.
    fn count(self) -> usize {
        self.0.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}

impl FromStr for Workers {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            auto if auto.eq_ignore_ascii_case("auto") => Ok(Self(None)),
            number => match number.parse() {
                Ok(count @ 1..=1024) => Ok(Self(NonZeroUsize::new(count))),
                _ => Err("it must be `auto` or a number from 1 to 1024"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_usable() {
        let mut env = Reader::new(|_| None);
        let config = Config::read(&mut env);
        let config = env.finish(config).unwrap();
        assert!(config.metrics_address.ip().is_loopback(), "metrics stay private by default");
        assert!(config.workers >= 1);
        assert!(config.shutdown_delay + config.request_timeout <= config.shutdown_grace);
    }

    #[test]
    fn workers_are_auto_or_a_number() {
        assert_eq!("AUTO".parse::<Workers>().unwrap().0, None);
        assert_eq!("3".parse::<Workers>().unwrap().count(), 3);
        for bad in ["0", "-1", "many", "1025"] {
            assert!(bad.parse::<Workers>().is_err(), "{bad}");
        }
    }
}
