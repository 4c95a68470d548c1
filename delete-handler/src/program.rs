//! The program: arguments, configuration, telemetry, run, exit code.

use std::io;
use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use picus_items::Table;
use picus_telemetry::settings::Reader;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Config, DeleteHandler};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `sysexits.h` calls `EX_USAGE`: the arguments or the configuration can't be used.
const USAGE: u8 = 64;

/// The program: does what this process's arguments say, by default [`serve`].
#[must_use]
pub fn main() -> ExitCode {
    let Some(argument) = std::env::args_os().nth(1) else { return serve() };
    match &*argument.to_string_lossy() {
        "--help" | "-h" => {
            let mut env = Reader::from_env();
            Config::read(&mut env);
            println!(
                "{NAME} {VERSION}: deletes items, in AWS Lambda\n\n\
                 Usage: {NAME} [--help | --version]\n\n\
                 Settings, as environment variables (and those of Lambda and the AWS SDK, AWS_*):\n{}",
                env.help()
            );
            ExitCode::SUCCESS
        }
        "--version" | "-V" => {
            println!("{NAME} {VERSION}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("{NAME}: unknown argument `{}`; see {NAME} --help", other.escape_debug());
            ExitCode::from(USAGE)
        }
    }
}

/// Serves Lambda's events, as the environment configures it.
#[must_use]
pub fn serve() -> ExitCode {
    // The runtime's client panics without it.
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        eprintln!(
            "AWS_LAMBDA_RUNTIME_API is not set: {NAME} runs within AWS Lambda, or what stands in for it"
        );
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
        service_name: NAME,
        service_version: VERSION,
        log_filter: config.log_filter.clone(),
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
    let outcome = runtime.block_on(serve_events(config));
    if let Err(error) = &outcome {
        tracing::error!(error = %error, "delete handler failed");
    }
    // The last lines are written when the guard goes.
    drop(telemetry);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves events until Lambda, or whoever started the process, ends it.
async fn serve_events(config: &Config) -> Result<(), lambda_runtime::Error> {
    let handler = DeleteHandler::new(Table::connect(&config.table).await);
    let answer = service_fn(|event: LambdaEvent<Value>| {
        let handler = &handler;
        async move { Ok::<_, std::convert::Infallible>(handler.answer(event).await) }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = lambda_runtime::run(answer) => outcome,
        _ = terminate.recv() => Ok(()),
    }
}
