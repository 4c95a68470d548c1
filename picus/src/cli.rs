//! The command line.

use std::env;
use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hyper::Uri;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_console::{Console, Told};
use picus_drills::NamedFault;
use picus_local::dynamodb::Storage;
use picus_local::lines::Lines;
use picus_local::output::Output;
use picus_local::process;
use picus_local::traces::{self, Collector};
use picus_local::{Options, StartError, System};
use picus_settings::{Reader, SettingsError, complain, refuse, visible_lines};

use crate::{ask, drill, guide};

/// Runs the whole system on this machine: the load balancer, the service, the delete handler and DynamoDB. It needs
/// nothing else installed, and sends nothing to other machines unless you ask for it.
#[derive(Parser)]
#[command(name = "picus", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    program: Option<Program>,
    #[command(flatten)]
    arguments: Arguments,
}

#[derive(Args)]
struct Arguments {
    /// Port of the load balancer
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of the console, a page that only this machine can open; another port if this one is taken
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    console_port: u16,
    /// Folder to keep the items in
    #[arg(long, default_value = ".picus", conflicts_with_all = ["memory", "dynamodb_endpoint"])]
    data_dir: PathBuf,
    /// Keep the items in memory only
    #[arg(long, conflicts_with = "dynamodb_endpoint")]
    memory: bool,
    /// Use the DynamoDB at this URL instead of the built-in one
    #[arg(long, value_name = "URL", value_parser = dynamodb)]
    dynamodb_endpoint: Option<String>,
    /// Number of tasks of the service
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    tasks: u8,
    /// Send traces to the collector at this URL, by OTLP over HTTP
    #[arg(long, value_name = "URL", value_parser = collector)]
    otlp: Option<String>,
    /// Print traces here, one line per span
    #[arg(long, conflicts_with = "otlp")]
    show_traces: bool,
    /// On a terminal, also print successful health checks, metrics and Lambda's own lines
    #[arg(long)]
    all_lines: bool,
    /// Time limit of the delete handler, in seconds [default: that of the deployment]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=900))]
    function_timeout: Option<u64>,
    /// Start with this fault, to see its effect on clients, logs and metrics
    #[arg(long, value_name = "NAME", conflicts_with = "dynamodb_endpoint")]
    fault: Option<NamedFault>,
}

/// The URL of a collector for both programs.
fn collector(url: &str) -> Result<String, &'static str> {
    let is_one = names_a_host(url, &["http://"]);
    is_one.then(|| url.to_owned()).ok_or("it must be like http://127.0.0.1:4318")
}

/// The URL of a DynamoDB.
fn dynamodb(url: &str) -> Result<String, &'static str> {
    let is_one = names_a_host(url, &["http://", "https://"]);
    is_one.then(|| url.to_owned()).ok_or("it must be like http://127.0.0.1:8000")
}

/// Whether it is a URL with one of these beginnings and a host.
fn names_a_host(url: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| url.starts_with(beginning))
        && url.parse::<Uri>().is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()))
}

/// What else this executable can do.
#[derive(Subcommand)]
enum Program {
    /// Injects the fault of each alarm, and checks that this alarm fires and no other
    Drill(drill::Arguments),
    /// Shows the state of the running Picus: requests, faults, and alarms that are on
    Status(ask::Status),
    /// Lists the newest traces of the running Picus
    Traces(ask::Traces),
    /// Runs a CloudWatch Logs Insights query on the log lines of the running Picus
    Query(ask::Query),
    // The hidden arguments with which it starts itself.
    #[command(hide = true)]
    Service,
    #[command(hide = true)]
    DeleteHandler,
}

/// The whole program.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            return refuse(format_args!(
                "picus: {}",
                text.strip_prefix("error: ").unwrap_or(&text)
            ));
        }
        Err(help) => help.exit(),
    };
    match cli {
        Cli { program: Some(Program::Service), .. } => {
            process::end_with_parent();
            picus_service::serve()
        }
        Cli { program: Some(Program::DeleteHandler), .. } => {
            process::end_with_parent();
            picus_delete_handler::serve()
        }
        Cli { program: Some(Program::Drill(arguments)), .. } => match drill::run(&arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => failed(&*error),
        },
        Cli { program: Some(Program::Status(arguments)), .. } => told(ask::status(&arguments)),
        Cli { program: Some(Program::Traces(arguments)), .. } => told(ask::traces(&arguments)),
        Cli { program: Some(Program::Query(arguments)), .. } => told(ask::query(&arguments)),
        Cli { arguments, .. } => match run(arguments) {
            Ok(code) => code,
            Err(error) => failed(&*error),
        },
    }
}

/// Prints what was asked for, or why it is not known.
fn told(lines: Result<Vec<String>, Box<dyn std::error::Error>>) -> ExitCode {
    match lines {
        Ok(lines) => {
            ask::say(&lines);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    complain(format_args!("picus: {error}"));
    ExitCode::FAILURE
}

/// Runs the local system. Its output is written by threads of its own, so that a reader that stops reading does not
/// hold it up.
fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (output, stdout) = Output::for_stdout(arguments.all_lines)?;
    let stderr = Lines::start(anstream::stderr())?;
    let outcome = serve(arguments, output, &stderr);
    stdout.flush();
    if stdout.lost() > 0 {
        stderr.push(format!("{} lines found no room on stdout and were lost\n", stdout.lost()));
    }
    stderr.flush();
    outcome
}

fn serve(
    arguments: Arguments,
    output: Output,
    stderr: &Lines,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let storage = match arguments {
        Arguments { dynamodb_endpoint: Some(url), .. } => Storage::Elsewhere(url),
        Arguments { memory: true, .. } => Storage::Memory,
        Arguments { data_dir, .. } => Storage::Folder(data_dir),
    };
    let metrics = MetricSink::on();
    let mut options = Options {
        port: arguments.port,
        storage: storage.clone(),
        tasks: arguments.tasks.into(),
        function_timeout: arguments.function_timeout.map(Duration::from_secs),
        executable: env::current_exe()?,
        output,
        otlp_endpoint: arguments.otlp,
        metrics: metrics.clone(),
        ..Options::default()
    };
    Runtime::new()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (traces, collector) = if let Some(url) = &options.otlp_endpoint {
            (format!("sent to {url}"), None)
        } else {
            let mut collector = Collector::start().await?;
            options.otlp_endpoint = Some(collector.endpoint());
            let shown = arguments.show_traces;
            if shown {
                tokio::spawn(traces::show(collector.copy(), stderr.clone()));
            }
            let below = if shown { ", and below" } else { "; --show-traces prints them here" };
            (format!("in the console{below}"), Some(collector))
        };
        let (sender, lines) = unbounded_channel();
        options.output = Output::Also(Box::new(options.output), sender);
        let (sender, access_log) = unbounded_channel();
        options.access_log = Some(sender);
        let logs = match (stdout().is_terminal(), arguments.all_lines) {
            (true, false) => "below: requests, and what goes wrong; --all-lines shows the rest",
            (true, true) => "below, of both programs",
            (false, _) => "on stdout as JSON, of both programs; metrics of deletes are among them",
        };
        if let Some(error) = refusal_of_delete_handler(&options)? {
            return Ok(refuse(format_args!("picus: the delete handler does not start: {error}")));
        }
        let system = match System::start(options).await {
            Err(error @ StartError::Settings(_)) => {
                return Ok(refuse(format_args!("picus: {error}")));
            }
            started => started?,
        };
        if let Some(fault) = arguments.fault {
            fault.begin(&system);
        }
        let fault = arguments.fault;
        let listener = picus_console::listen(arguments.console_port).await?;
        let address = listener.local_addr()?;
        let guide = guide::text(&system, address, &storage, logs, &traces, fault).await;
        let console =
            Console::start(listener, system, Told { metrics, lines, access_log, collector })?;
        stderr.push(visible_lines(&guide));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stderr.push("stopping\n".to_owned());
        console.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Why the delete handler would refuse its settings. It would say so only at the first delete, which starts it.
fn refusal_of_delete_handler(options: &Options) -> Result<Option<SettingsError>, StartError> {
    let environment = options.function_environment()?;
    let mut env =
        Reader::new(move |name| environment.get(name).cloned().or_else(|| env::var(name).ok()));
    picus_delete_handler::Config::read(&mut env);
    Ok(env.finish(()).err())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
