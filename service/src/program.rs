//! The program: arguments, configuration, telemetry, run, exit code.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::rt::System;
use picus_items::Table;
use picus_settings::{Program, complain, configured, refuse};
use picus_telemetry::Metrics;
use tokio::signal::unix::{SignalKind, signal};

use crate::application::Application;
use crate::config::Config;
use crate::healthcheck;

const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    does: "lists, puts and gets items over HTTP",
    usage: "[--help | --version | --healthcheck]\n\n  \
            --healthcheck  asks the service on this machine for its health; exit code 0 or 1",
    other_settings: "the AWS SDK's own, AWS_*",
};

/// The program: handles its arguments. Without any, it runs [`serve`].
#[must_use]
pub fn main() -> ExitCode {
    PROGRAM.main(Config::read, |arguments| match arguments {
        [] => Some(serve()),
        ["--healthcheck"] => {
            Some(configured(Config::read, |config| healthcheck::ask(config.address)))
        }
        _ => None,
    })
}

/// Serves until SIGTERM or Ctrl-C, configured by the environment.
#[must_use]
pub fn serve() -> ExitCode {
    configured(Config::read, run)
}

fn run(config: &Config) -> ExitCode {
    let telemetry = picus_telemetry::Settings {
        service: config.service.clone(),
        log_filter: config.log_filter.clone(),
        metrics: Metrics::Prometheus(config.percentiles.clone()),
        traces: config.traces.clone(),
    };
    let telemetry = match picus_telemetry::init(&telemetry, io::stdout()) {
        Ok(telemetry) => telemetry,
        Err(error) => return refuse(error),
    };
    picus_telemetry::log_panics();
    let outcome = System::new().block_on(async {
        // Installed before the service listens, so that even an early signal stops it in order.
        let stop = asked_to_stop(config.shutdown_delay)?;
        let settings = config.table.clone();
        let table = move || {
            let settings = settings.clone();
            async move { Table::connect(&settings).await }
        };
        let prometheus = telemetry.prometheus().expect("it is the kind of metrics asked for above");
        let application = Application::build(config, table, prometheus)?;
        tracing::info!(
            address = %application.address(),
            metrics_address = %application.metrics_address(),
            workers = config.workers,
            service.instance.id = config.service.instance_id,
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
            tracing::error!(exception.message = %error, "service failed");
            complain(format_args!("{}: {error}", PROGRAM.name));
            ExitCode::FAILURE
        }
    };
    // Dropping it delivers the last spans and log lines.
    drop(telemetry);
    code
}

/// Resolves on SIGTERM, which ECS sends, or on Ctrl-C. Returns how long to keep accepting connections: no time after
/// Ctrl-C, because there is no load balancer to wait for.
fn asked_to_stop(delay: Duration) -> io::Result<impl Future<Output = Duration> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {
                tracing::info!(signal = "SIGTERM", "stopping");
                delay
            }
            _ = interrupt.recv() => {
                tracing::info!(signal = "SIGINT", "stopping");
                Duration::ZERO
            }
        }
    })
}
