//! The program: arguments, configuration, telemetry, run, exit code.

use std::io;
use std::process::ExitCode;

use actix_web::rt::System;
use picus_items::Table;
use picus_telemetry::Metrics;
use picus_telemetry::settings::Reader;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Application, Config, healthcheck};

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
            println!("{}", usage(&env.help()));
            ExitCode::SUCCESS
        }
        ["--version" | "-V"] => {
            println!("{NAME} {VERSION}");
            ExitCode::SUCCESS
        }
        ["--healthcheck"] => configured(|config| healthcheck::ask(config.address)),
        _ => {
            let given = arguments.join(" ");
            eprintln!("{NAME}: unknown argument `{}`; see {NAME} --help", given.escape_debug());
            ExitCode::from(USAGE)
        }
    }
}

/// Serves, as the environment configures it, until SIGTERM or Ctrl-C.
#[must_use]
pub fn serve() -> ExitCode {
    configured(run)
}

fn configured(act: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    let mut env = Reader::from_env();
    let config = Config::read(&mut env);
    match env.finish(config) {
        Ok(config) => act(&config),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(USAGE)
        }
    }
}

fn usage(settings: &str) -> String {
    format!(
        "{NAME} {VERSION}: lists, puts and gets items over HTTP\n\n\
         Usage: {NAME} [--help | --version | --healthcheck]\n\n  \
         --healthcheck  asks the service on this machine for its health; exit code 0 or 1\n\n\
         Settings, as environment variables (and the AWS SDK's own, AWS_*):\n{settings}"
    )
}

fn run(config: &Config) -> ExitCode {
    let telemetry = picus_telemetry::Settings {
        service_name: config.service_name.clone(),
        service_version: VERSION,
        log_filter: config.log_filter.clone(),
        metrics: Metrics::Prometheus,
        traces: config.traces.clone(),
    };
    let telemetry = match picus_telemetry::init(&telemetry, io::stdout()) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(USAGE);
        }
    };
    let outcome = System::new().block_on(async {
        // Heard from before the service listens: who asks it to stop at once is not met by a crash.
        let stop = asked_to_stop()?;
        let table = Table::connect(&config.table).await;
        let prometheus = telemetry.prometheus().expect("it is the kind of metrics asked for above");
        let application = Application::build(config, table, prometheus)?;
        tracing::info!(
            address = %application.address(),
            metrics_address = %application.metrics_address(),
            workers = config.workers,
            "service started"
        );
        application.run_until(stop).await
    });
    let code = match outcome {
        Ok(()) => {
            tracing::info!("service stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %error, "service failed");
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    };
    // The last spans and lines are delivered when it goes.
    drop(telemetry);
    code
}

/// Resolves on SIGTERM, which ECS sends, and on Ctrl-C.
fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
        }
    })
}
