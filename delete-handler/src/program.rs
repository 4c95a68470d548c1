//! The program: arguments, configuration, telemetry, run, exit code.

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::layers::OpenTelemetryLayer;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use picus_items::Table;
use picus_settings::{Program, complain, configured, refuse};
use picus_telemetry::{Metrics, Telemetry};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::handler::DeleteHandler;
use crate::lambda_env;

const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    does: "deletes items, in AWS Lambda",
    usage: "[--help | --version]",
    other_settings: "those of Lambda and the AWS SDK, AWS_*",
};

/// The program: handles its arguments. Without any, it runs [`serve`].
#[must_use]
pub fn main() -> ExitCode {
    PROGRAM.main(Config::read, |arguments| arguments.is_empty().then(serve))
}

/// Answers Lambda's events, configured by the environment.
#[must_use]
pub fn serve() -> ExitCode {
    match lambda_env::check(|name| std::env::var(name)) {
        Ok(()) => configured(Config::read, run),
        Err(error) => refuse(format_args!("{}: {error}", PROGRAM.name)),
    }
}

fn run(config: &Config) -> ExitCode {
    let telemetry = picus_telemetry::Settings {
        service: config.service.clone(),
        log_filter: config.log_filter.clone(),
        metrics: Metrics::CloudWatch,
        traces: config.traces.clone(),
    };
    let telemetry = match picus_telemetry::init(&telemetry, io::stdout()) {
        Ok(telemetry) => telemetry,
        Err(error) => return refuse(error),
    };
    picus_telemetry::log_panics();
    // An environment handles one event at a time, so one thread is enough and starts sooner.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("{}: {error}", PROGRAM.name));
            return ExitCode::FAILURE;
        }
    };
    let telemetry = Arc::new(telemetry);
    let outcome = runtime.block_on(serve_events(config, telemetry.clone()));
    if let Err(error) = &outcome {
        tracing::error!(exception.message = %error, "delete handler failed");
    }
    // Dropping it writes the last log lines.
    drop(telemetry);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Answers events until the process is ended.
async fn serve_events(
    config: &Config,
    telemetry: Arc<Telemetry>,
) -> Result<(), lambda_runtime::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let table = Table::connect(&config.table).await;
    // Before the first event, Lambda gives the process more CPU than after it.
    if !config.warm_up.is_zero() {
        table.warm(config.warm_up).await;
    }
    let handler = DeleteHandler::new(table, config.latency_objective);
    let answer = service_fn(|event: LambdaEvent<String>| {
        let handler = &handler;
        async move { Ok::<_, Infallible>(handler.answer(event).await) }
    });
    let as_text = MapRequestLayer::new(as_text);
    // Called after the answer has gone out, and before the next event is requested. Nobody waits for it, and the
    // environment can't be frozen yet.
    let flush = OpenTelemetryLayer::new(move || telemetry.flush());
    tokio::select! {
        outcome = Runtime::new(answer).layer(as_text).layer(flush).run() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

/// Wraps an event into a JSON string, which `lambda_runtime` unwraps again. Otherwise an event that `serde` can't
/// read would fail the function; here it gets an answer like any other.
fn as_text(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = String::from_utf8_lossy(&invocation.body);
    invocation.body = Value::from(text).to_string().into();
    invocation
}
