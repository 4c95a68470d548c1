//! The command line.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum as _};
use hyper::Uri;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use picus_drills::{self as drills, DRILLS, Drill, NamedFault, Report};
use picus_local::dynamodb::{ADMINISTRATOR, Storage};
use picus_local::lines::Lines;
use picus_local::output::Output;
use picus_local::process;
use picus_local::traces::{self, Collector};
use picus_local::{Options, System};

use crate::docs_page;

/// What `sysexits.h` calls `EX_USAGE`: the arguments can't be used.
const USAGE: u8 = 64;

/// Runs the whole of Picus on this machine: the load balancer, the service, the delete handler and
/// DynamoDB. Nothing else need be installed, and nothing is sent anywhere unless asked for.
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
    /// The port of the load balancer
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder that keeps the items
    #[arg(long, default_value = ".picus", conflicts_with_all = ["memory", "dynamodb_endpoint"])]
    data_dir: PathBuf,
    /// Keep the items in memory alone
    #[arg(long, conflicts_with = "dynamodb_endpoint")]
    memory: bool,
    /// Use the DynamoDB at this URL instead
    #[arg(long, value_name = "URL", value_parser = dynamodb)]
    dynamodb_endpoint: Option<String>,
    /// How many tasks the service has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    tasks: u8,
    /// Send the traces to the collector at this URL, by OTLP over HTTP
    #[arg(long, value_name = "URL", value_parser = collector)]
    otlp: Option<String>,
    /// Show the traces here, a line a span
    #[arg(long, conflicts_with = "otlp")]
    show_traces: bool,
    /// The longest that the delete handler may take, in seconds [default: as it is deployed]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=900))]
    function_timeout: Option<u64>,
    /// Start with something wrong, to see what comes of it
    #[arg(long, value_name = "NAME", conflicts_with = "dynamodb_endpoint")]
    fault: Option<NamedFault>,
}

/// The URL of a collector that both programs can reach.
fn collector(url: &str) -> Result<String, &'static str> {
    let is_one = names_a_host(url, &["http://"]);
    is_one.then(|| url.to_owned()).ok_or("it must be like http://127.0.0.1:4318")
}

/// The URL of a DynamoDB.
fn dynamodb(url: &str) -> Result<String, &'static str> {
    let is_one = names_a_host(url, &["http://", "https://"]);
    is_one.then(|| url.to_owned()).ok_or("it must be like http://127.0.0.1:8000")
}

/// Whether it is a URL that begins like one of these and names a host.
fn names_a_host(url: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| url.starts_with(beginning))
        && url.parse::<Uri>().is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()))
}

/// What else this executable can be.
#[derive(Subcommand)]
enum Program {
    /// Makes the faults that the alarms are for, and shows that each alarm fires for its own, and
    /// for no other reason
    Drill(DrillArguments),
    // What it is told to be when it starts itself.
    #[command(hide = true)]
    Service,
    #[command(hide = true)]
    DeleteHandler,
}

#[derive(Args)]
struct DrillArguments {
    /// Only this drill; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(DRILLS.iter().map(|drill| drill.name)))]
    only: Vec<String>,
    /// Write what happened to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// The whole program.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            eprintln!("picus: {}; see --help", text.lines().next().unwrap_or_default());
            return ExitCode::from(USAGE);
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
        Cli { program: Some(Program::Drill(arguments)), .. } => match drill(&arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("picus: {error}");
                ExitCode::FAILURE
            }
        },
        Cli { arguments, .. } => match run(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("picus: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

/// The local system. Whatever it says goes by threads of its own: a stdout or stderr that nobody reads
/// must not hold it up.
fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let (output, stdout) = Output::for_stdout()?;
    let stderr = Lines::start(io::stderr())?;
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
) -> Result<(), Box<dyn std::error::Error>> {
    let storage = match arguments {
        Arguments { dynamodb_endpoint: Some(url), .. } => Storage::Elsewhere(url),
        Arguments { memory: true, .. } => Storage::Memory,
        Arguments { data_dir, .. } => Storage::Folder(data_dir),
    };
    let mut options = Options {
        port: arguments.port,
        storage: storage.clone(),
        tasks: arguments.tasks.into(),
        function_timeout: arguments.function_timeout.map(Duration::from_secs),
        executable: env::current_exe()?,
        output,
        otlp_endpoint: arguments.otlp,
        ..Options::default()
    };
    Runtime::new()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let traces = match (&options.otlp_endpoint, arguments.show_traces) {
            (Some(url), _) => format!("sent to {url}"),
            (None, true) => {
                let collector = Collector::start().await?;
                options.otlp_endpoint = Some(collector.endpoint());
                tokio::spawn(traces::show(collector, stderr.clone()));
                "shown below".to_owned()
            }
            (None, false) => "not collected: see --show-traces and --otlp".to_owned(),
        };
        let system = System::start(options).await?;
        if let Some(fault) = arguments.fault {
            fault.begin(&system);
        }
        let docs = docs_page::start(system.address()).await?;
        let guide = guide(&system, docs.address(), &storage, &traces, arguments.fault).await;
        stderr.push(guide);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stderr.push("stopping\n".to_owned());
        docs.stop().await;
        system.stop().await;
        Ok(())
    })
}

/// Makes the drills, one after the other. Tells whether all went as it should.
fn drill(arguments: &DrillArguments) -> Result<bool, Box<dyn std::error::Error>> {
    let alarms = drills::alarms(drills::TEMPLATE)?;
    let mut report = Report::new(&alarms, arguments.only.is_empty());
    let wanted = |drill: &&Drill| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == drill.name)
    };
    let executable = env::current_exe()?;
    let runtime = Runtime::new()?;
    for drill in DRILLS.iter().filter(wanted) {
        let started = Instant::now();
        let tape = runtime.block_on(drills::record(drill, executable.clone()))?;
        let verdict = tape.play(drill, &alarms)?;
        let faults = verdict.faults(drill, &alarms);
        let how = if faults.is_empty() { "as it should be" } else { "NOT as it should be" };
        eprintln!("{:<24} {how}, {:.1} s", drill.name, started.elapsed().as_secs_f64());
        for fault in &faults {
            eprintln!("  {fault}");
        }
        report.add(*drill, &tape, verdict, faults);
    }
    println!("\n{}", report.matrix());
    if let Some(file) = &arguments.report {
        let written = fs::write(file, report.json().to_string());
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    for lack in report.unproven() {
        eprintln!("{lack}");
    }
    Ok(report.is_good())
}

/// What runs where, and what to try. It goes to stderr, so that stdout is the programs' alone.
async fn guide(
    system: &System,
    docs: SocketAddr,
    storage: &Storage,
    traces: &str,
    fault: Option<NamedFault>,
) -> String {
    let mut text = String::new();
    let mut say = |line: std::fmt::Arguments<'_>| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    let url = format!("http://{}", system.address());
    let items = match storage {
        Storage::Folder(folder) => format!("in {}", folder.display()),
        Storage::Memory => "in memory".to_owned(),
        Storage::Elsewhere(_) => "elsewhere".to_owned(),
    };
    say(format_args!("\nPicus runs:\n"));
    say(format_args!("  load balancer   {url}"));
    for task in system.tasks() {
        if let Some(task) = task.running().await {
            say(format_args!(
                "  service         http://{}  metrics http://{}/metrics",
                task.address, task.metrics_address
            ));
        }
    }
    say(format_args!("  delete handler  started when the first delete comes"));
    say(format_args!("  DynamoDB        {}  items {items}", system.dynamodb_endpoint()));
    if !matches!(storage, Storage::Elsewhere(_)) {
        say(format_args!(
            "                  AWS_ACCESS_KEY_ID={ADMINISTRATOR} may do everything there"
        ));
    }
    say(format_args!(
        "  logs            below, of both programs; the delete handler's metrics are among them"
    ));
    say(format_args!("  traces          {traces}"));
    say(format_args!("  the API's page  http://{docs}/docs"));
    if let Some(name) = fault.and_then(|fault| fault.to_possible_value()) {
        say(format_args!("  wrong           {}, as asked for", name.get_name()));
    }
    say(format_args!("\nTry, in another terminal:\n"));
    for line in walk_through(&url) {
        say(format_args!("  {line}"));
    }
    say(format_args!("\nCtrl-C stops all of it.\n"));
    text
}

/// Five commands that work when pasted, one after the other.
fn walk_through(url: &str) -> [String; 5] {
    [
        format!(
            "ID=$(curl -s {url}/picus/put -H 'Content-Type: application/json' -d '{{\"name\":\"picus\",\"price\":0.10}}' | cut -d'\"' -f4); echo $ID"
        ),
        format!("curl -s {url}/picus/get/$ID; echo"),
        format!("curl -s {url}/picus/list; echo"),
        format!("curl -si '{url}/picus/list?limit=1'; echo"),
        format!("curl -s -X DELETE {url}/picus/$ID; echo"),
    ]
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
