//! The program: arguments, configuration, telemetry, run, exit code.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::layers::OpenTelemetryLayer;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use picus_items::Table;
use picus_telemetry::settings::Reader;
use picus_telemetry::{Metrics, Telemetry};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Config, DeleteHandler, surroundings};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `sysexits.h` calls `EX_USAGE`: the arguments or the configuration can't be used.
const USAGE: u8 = 64;

/// The program: does what this process's arguments say, by default [`serve`].
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["--help" | "-h"] => {
            let mut env = Reader::from_env();
            Config::read(&mut env);
            print(&format!(
                "{NAME} {VERSION}: deletes items, in AWS Lambda\n\n\
                 Usage: {NAME} [--help | --version]\n\n\
                 Settings, as environment variables (and those of Lambda and the AWS SDK, AWS_*):\n{}",
                env.help()
            ))
        }
        ["--version" | "-V"] => print(&format!("{NAME} {VERSION}")),
        _ => {
            let given = arguments.join(" ");
            eprintln!("{NAME}: unknown argument `{}`; see {NAME} --help", given.escape_debug());
            ExitCode::from(USAGE)
        }
    }
}

/// Unlike `println!`, does not panic where nobody reads.
fn print(text: &str) -> ExitCode {
    let written = writeln!(io::stdout(), "{text}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves Lambda's events, as the environment configures it.
#[must_use]
pub fn serve() -> ExitCode {
    if let Err(error) = surroundings::check(|name| std::env::var(name).ok()) {
        eprintln!("{NAME}: {error}");
        return ExitCode::from(USAGE);
    }
    let mut env = Reader::from_env();
    let config = Config::read(&mut env);
    match env.finish(config) {
        Ok(config) => run(&config),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(config: &Config) -> ExitCode {
    let telemetry = picus_telemetry::Settings {
        service_name: config.service_name.clone(),
        service_version: VERSION,
        log_filter: config.log_filter.clone(),
        metrics: Metrics::CloudWatch,
        traces: config.traces.clone(),
    };
    let telemetry = match picus_telemetry::init(&telemetry, io::stdout()) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(USAGE);
        }
    };
    // An environment serves one event at a time: one thread starts sooner and does as well.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let telemetry = Arc::new(telemetry);
    let outcome = runtime.block_on(serve_events(config, telemetry.clone()));
    if let Err(error) = &outcome {
        tracing::error!(error = %error, "delete handler failed");
    }
    // The last lines are written when it goes.
    drop(telemetry);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves events until Lambda, or whoever started the process, ends it.
async fn serve_events(
    config: &Config,
    telemetry: Arc<Telemetry>,
) -> Result<(), lambda_runtime::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let table = Table::connect(&config.table).await;
    let handler = DeleteHandler::new(table, config.latency_objective);
    let answer = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let handler = &handler;
        async move { Ok::<_, Infallible>(handler.answer(event_of(event)).await) }
    });
    // It is called when the answer has gone out and before the next event is asked for: nobody waits
    // for it, and the environment can't be frozen yet.
    let flush = OpenTelemetryLayer::new(move || telemetry.flush());
    tokio::select! {
        outcome = Runtime::new(answer).layer(flush).run() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

/// Reads an event that is JSON. What is too deep or too large a number to be read is no event of
/// ours, but is answered as any other: left to `lambda_runtime`, it would be the function's failure.
fn event_of(
    LambdaEvent { payload, context, .. }: LambdaEvent<Box<RawValue>>,
) -> LambdaEvent<Value> {
    LambdaEvent::new(serde_json::from_str(payload.get()).unwrap_or(Value::Null), context)
}
