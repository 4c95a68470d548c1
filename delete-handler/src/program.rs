//! The program: arguments, configuration, telemetry, run, exit code.

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

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

/// The longest that a start waits for a connection to DynamoDB: a silent endpoint must not hold up the first event.
const MOST_TO_WARM: Duration = Duration::from_millis(500);

/// The program: does what this process's arguments say, by default [`serve`].
#[must_use]
pub fn main() -> ExitCode {
    PROGRAM.main(Config::read, |arguments| arguments.is_empty().then(serve))
}

/// Serves Lambda's events, as the environment configures it.
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
    // An environment serves one event at a time: one thread starts sooner and does as well.
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
    // Lambda gives more CPU until the first event is asked for than after it.
    table.warm(MOST_TO_WARM).await;
    let handler = DeleteHandler::new(table, config.latency_objective);
    let answer = service_fn(|event: LambdaEvent<String>| {
        let handler = &handler;
        async move { Ok::<_, Infallible>(handler.answer(event).await) }
    });
    let as_text = MapRequestLayer::new(as_text);
    // It is called when the answer has gone out and before the next event is asked for: nobody waits
    // for it, and the environment can't be frozen yet.
    let flush = OpenTelemetryLayer::new(move || telemetry.flush());
    tokio::select! {
        outcome = Runtime::new(answer).layer(as_text).layer(flush).run() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

/// Wraps an event into a JSON string, which `lambda_runtime` unwraps again: an event that `serde` could
/// not read would be the function's failure, and here it is answered as any other.
fn as_text(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = String::from_utf8_lossy(&invocation.body);
    invocation.body = Value::from(text).to_string().into();
    invocation
}
