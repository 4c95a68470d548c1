//! Measures the delete handler as it is deployed. `cargo bench --profile lambda -p picus-delete-handler` prints the
//! figures, and fails if one is over its target. To show what telemetry costs, it runs the program with and without,
//! in turns.

mod cold;

use std::net::{SocketAddr, UdpSocket};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use picus_testing::engine;
use picus_testing::runtime_api::RuntimeApi;
use tokio::process::{Child, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_picus-delete-handler");
const EVENT: &str = include_str!("../../tests/events/load-balancer.json");
const STARTS: usize = 20;
const INVOCATIONS: usize = 300;
const MAX_START: Duration = Duration::from_millis(30);
const MAX_BYTES: u64 = 12_000_000;
const MAX_ADDED_TO_START: Duration = Duration::from_millis(10);
const MAX_ADDED_TO_INVOCATION: Duration = Duration::from_millis(1);

/// Durations, with telemetry and without.
#[derive(Default)]
struct Times {
    with: Vec<Duration>,
    without: Vec<Duration>,
}

impl Times {
    fn of(&mut self, telemetry: bool) -> &mut Vec<Duration> {
        if telemetry { &mut self.with } else { &mut self.without }
    }

    fn added(&mut self) -> Duration {
        median(&mut self.with).saturating_sub(median(&mut self.without))
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main]
async fn main() -> std::io::Result<ExitCode> {
    let daemon = UdpSocket::bind("127.0.0.1:0")?;
    let dynamodb = engine::start().await;
    let (mut starts, mut answers, mut returns) = Default::default();
    for _ in 0..STARTS {
        for telemetry in [true, false] {
            let mut api = RuntimeApi::start().await;
            let started = Instant::now();
            let _child = start(&api, dynamodb, telemetry.then_some(&daemon))?;
            api.polled().await;
            Times::of(&mut starts, telemetry).push(started.elapsed());
            invoke(&mut api, telemetry, &mut answers, &mut returns).await;
        }
    }
    let bytes = std::fs::metadata(PROGRAM)?.len();
    let added_to_start = starts.added();
    let start = median(&mut starts.with);
    let after = median(&mut returns.with);
    let added = answers.added() + returns.added();
    println!("size: {bytes} bytes (target: {MAX_BYTES})");
    println!("from exec to the first poll for work: {start:.1?} (target: {MAX_START:?})");
    println!("of which telemetry: {added_to_start:.1?} (target: {MAX_ADDED_TO_START:?})");
    println!(
        "an invocation: {:.1?}, and {after:.1?} until the next poll",
        median(&mut answers.with)
    );
    println!("of which telemetry: {added:.1?} (target: {MAX_ADDED_TO_INVOCATION:?})");
    let reached = bytes < MAX_BYTES
        && start < MAX_START
        && added_to_start < MAX_ADDED_TO_START
        && added < MAX_ADDED_TO_INVOCATION;
    let reached = reached & cold::measure(dynamodb).await?;
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures some invocations: the time until the answer, and from there until the program asks for the next event.
async fn invoke(api: &mut RuntimeApi, telemetry: bool, answers: &mut Times, returns: &mut Times) {
    // The first invocation also connects to DynamoDB.
    for invocation in 0..=INVOCATIONS / STARTS {
        let given = Instant::now();
        api.invoke(EVENT).await;
        let answered = Instant::now();
        api.polled().await;
        if invocation > 0 {
            answers.of(telemetry).push(answered - given);
            returns.of(telemetry).push(answered.elapsed());
        }
    }
}

/// Starts the program as Lambda does, with all telemetry or with as little as possible.
fn start(
    api: &RuntimeApi,
    dynamodb: SocketAddr,
    daemon: Option<&UdpSocket>,
) -> std::io::Result<Child> {
    let mut program = as_lambda(Command::new(PROGRAM), api);
    program.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}"));
    match daemon {
        Some(daemon) => program.env("AWS_XRAY_DAEMON_ADDRESS", daemon.local_addr()?.to_string()),
        None => program.env("OTEL_SDK_DISABLED", "true").env("RUST_LOG", "off"),
    };
    program.spawn()
}

fn as_lambda(mut program: Command, api: &RuntimeApi) -> Command {
    program
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "picus-delete")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .stdout(Stdio::null())
        .kill_on_drop(true);
    program
}
