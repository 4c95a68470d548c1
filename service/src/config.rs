//! Settings from environment variables.

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
    /// Reads the configuration. Afterwards the reader knows every setting and every fault.
    pub fn read(env: &mut Reader) -> Self {
        let traces = TraceSettings::read(env, "http://127.0.0.1:4318");
        // The SDK reads these two as well, and panics if they are bad. So they are checked here.
        let retry_mode: Option<RetryMode> = env.read_optional("AWS_RETRY_MODE", "", "How the AWS SDK retries: `standard`, or `adaptive`, which also slows down when it is throttled.");
        let gathers_reads = env.read_bool("PICUS_GATHERED_READS", "true", "Whether simultaneous reads under load go to DynamoDB in one call. If `false`, each read is its own call.");
        let of_the_sdk: Option<NonZeroU32> = env.read_optional(
            "AWS_MAX_ATTEMPTS",
            "",
            "The most attempts for a call of the AWS SDK, the first included.",
        );
        Self {
            address: env.read("PICUS_ADDRESS", "0.0.0.0:8080", "Address and port of the API."),
            workers: env
                .read::<Workers>("PICUS_WORKERS", "auto", "Threads that serve requests. `auto` means one for each CPU that this process may use.")
                .count(),
            max_in_flight: env.read_within("PICUS_MAX_IN_FLIGHT", "256", 1..=100_000, "The most requests in flight, at most a quarter of them lists. More get 503."),
            // A task of 512 MB has room for twice the default, beside the collector:
            // docs/decisions/bytes-in-flight.md. Below the minimum, the heaviest item could not be served at all.
            max_bytes_in_flight: env.read_within("PICUS_MAX_BYTES_IN_FLIGHT", "67108864", 67_108_864..=68_719_476_736, "The most memory that all requests in flight may use together. More get 503."),
            max_connections: env.read_within("PICUS_MAX_CONNECTIONS", "1024", 1..=100_000, "The most open connections. More wait until one closes."),
            // JSON can be a few times as large as DynamoDB counts it, because of escapes and white space.
            max_body_bytes: env.read_within("PICUS_MAX_BODY_BYTES", "1638400", 1..=104_857_600, "The largest request body. A larger one gets 413."),
            client_timeout: env.read_seconds("PICUS_CLIENT_TIMEOUT_SECONDS", "10", "The longest time for a client to send a request's headers, and again for its body."),
            least_rate: env.read_within("PICUS_LEAST_BYTES_PER_SECOND", "4096", 1..=1_048_576, "The lowest rate at which a client may send a request body (after 3 seconds) and read a response."),
            stall_timeout: env.read_seconds("PICUS_STALL_TIMEOUT_SECONDS", "10", "How long a client may read a response more slowly than `PICUS_LEAST_BYTES_PER_SECOND`, before its connection is closed."),
            request_timeout: env.read_seconds("PICUS_REQUEST_TIMEOUT_SECONDS", "20", "The longest time until a response begins. After that it is 504."),
            keep_alive: env.read_seconds("PICUS_KEEP_ALIVE_SECONDS", "75", "How long an idle connection is kept open. Must be longer than the load balancer's idle timeout."),
            shutdown_delay: Duration::from_secs_f64(env.read_within("PICUS_SHUTDOWN_DELAY_SECONDS", "5", 0.0..=86_400.0, "How long new connections are accepted after SIGTERM, each for one request. Must be longer than the load balancer needs to stop sending requests here.")),
            shutdown_grace: env.read_seconds("PICUS_SHUTDOWN_GRACE_SECONDS", "25", "How long requests may run after SIGTERM, the delay included. Must be shorter than ECS's `StopTimeout`."),
            metrics_address: SocketAddr::new(
                env.read::<IpAddr>("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1", "The address of /metrics."),
                env.read("OTEL_EXPORTER_PROMETHEUS_PORT", "9464", "The port of /metrics."),
            ),
            log_filter: env.read("RUST_LOG", "info,actix_server=warn,actix_http=off", "Which logs are written: a level, or `target=level,…`. Nothing below DEBUG is written."),
            latency_objective: env.read_seconds("PICUS_LATENCY_OBJECTIVE_SECONDS", "0.3", "The latency SLO's time to first byte. Responses that begin sooner count as good."),
            service: Service::read(env, "picus-service", env!("CARGO_PKG_VERSION")),
            percentiles: PercentileSettings::read(env, &traces),
            traces,
            table: picus_items::Settings {
                table_name: env.read("DYNAMODB_TABLE_NAME", "picus_data", "The name of the DynamoDB table."),
                attempt_timeout: env.read_seconds("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "2", "The longest time for one attempt to call DynamoDB."),
                operation_timeout: env.read_seconds("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "5", "The longest time for a call to DynamoDB, its retries included."),
                max_attempts: env.read_optional("PICUS_DYNAMODB_MAX_ATTEMPTS", "", "The most attempts for a call to DynamoDB, the first included. If this is unset, `AWS_MAX_ATTEMPTS` decides.").or(of_the_sdk),
                retry_mode,
                consistent_reads: env.read_bool("PICUS_CONSISTENT_READS", "true", "Whether a read sees every write before it. `false` halves the price of reads."),
                gathers_reads,
            },
        }
    }
}

/// `auto`, or a number of threads.
struct Workers(Option<NonZeroUsize>);

impl Workers {
    /// The standard library knows the control group's quota: a task with a quarter of a CPU gets one thread, even on
    /// a machine with 64 CPUs.
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
    fn every_default_is_valid() {
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
