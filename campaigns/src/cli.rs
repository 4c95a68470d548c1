//! The command line.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::context::{CampaignError, Context, Size};
use crate::report::Report;
use crate::{durability, fuzz, linearizability, memory, overload, rolling, slow, soak};
use picus_settings::{complain, visible_lines};

/// Tries to break what Picus promises, for as long as you like. Exits with 0 if every promise held, 1 if one did not,
/// and 2 if the campaign could not run.
#[derive(Parser)]
#[command(name = "picus-campaigns", version)]
struct Cli {
    #[command(subcommand)]
    campaign: Campaign,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Options {
    /// The seed of all random choices [default: a random one]
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// How much to do, where no option gives a count
    #[arg(long, global = true, value_enum, default_value_t = Size::Small)]
    size: Size,
    /// Write the report to this file, as JSON
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program under test [default: the `picus` beside this program]
    #[arg(long, global = true, value_name = "FILE")]
    picus: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Campaign {
    /// Kill the whole system over and over: no acknowledged write is lost, no deleted item comes back
    Durability(durability::Arguments),
    /// Replace tasks under load: no request is lost
    Rolling(rolling::Arguments),
    /// Kill tasks and handlers while clients share a few keys: every history is linearizable
    Linearizability(linearizability::Arguments),
    /// Send and read slowly: other clients get their responses as before
    Slow(slow::Arguments),
    /// Send randomly changed inputs: no 500, no panic, no hanging connection
    Fuzz(fuzz::Arguments),
    /// Send twice as much as the service can do, while DynamoDB fails: afterwards it does as much as before
    Overload(overload::Arguments),
    /// Send the heaviest requests to a service with a task's memory and CPU: it survives
    Memory(memory::Arguments),
    /// Send ordinary load for a long time: memory and open files do not grow
    Soak(soak::Arguments),
}

impl Campaign {
    fn name(&self) -> &'static str {
        match self {
            Self::Durability(_) => "durability",
            Self::Rolling(_) => "rolling",
            Self::Linearizability(_) => "linearizability",
            Self::Slow(_) => "slow",
            Self::Fuzz(_) => "fuzz",
            Self::Overload(_) => "overload",
            Self::Memory(_) => "memory",
            Self::Soak(_) => "soak",
        }
    }

    async fn run(&self, context: &Context) -> Result<Report, CampaignError> {
        match self {
            Self::Durability(arguments) => durability::run(context, arguments).await,
            Self::Rolling(arguments) => rolling::run(context, arguments).await,
            Self::Linearizability(arguments) => linearizability::run(context, arguments).await,
            Self::Slow(arguments) => slow::run(context, arguments).await,
            Self::Fuzz(arguments) => fuzz::run(context, arguments).await,
            Self::Overload(arguments) => Box::pin(overload::run(context, arguments)).await,
            Self::Memory(arguments) => memory::run(context, arguments).await,
            Self::Soak(arguments) => soak::run(context, arguments).await,
        }
    }
}

pub(crate) fn main() -> ExitCode {
    let Cli { campaign, options } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            complain(error);
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    match run(&campaign, options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(format_args!("picus-campaigns: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run(campaign: &Campaign, options: Options) -> Result<bool, Box<dyn std::error::Error>> {
    let picus = match options.picus {
        Some(picus) => picus,
        None => env::current_exe()?.with_file_name("picus"),
    };
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let context = Context { seed, size: options.size, picus };
    if let Some(file) = &options.json {
        // Fails before the campaign, not after it. The old content stays until there is a new report.
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(|error| cannot_write(file, &error))?;
    }
    let started = Instant::now();
    let report = Runtime::new()?.block_on(campaign.run(&context))?;
    let took = started.elapsed();
    print!("{}", visible_lines(&report.text(campaign.name(), &context, took)));
    if let Some(file) = options.json {
        let json = report.json(campaign.name(), &context, took);
        let written = fs::write(&file, format!("{json:#}\n"));
        written.map_err(|error| cannot_write(&file, &error))?;
    }
    Ok(report.is_good())
}

fn cannot_write(file: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}; choose another file with --json", file.display())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_report_that_cannot_be_written_stops_the_campaign_before_it_begins() {
        let cli = Cli::try_parse_from(["c", "fuzz", "--json", "/no/such/folder/report"]).unwrap();
        // If the campaign began, the error would be about the missing `picus`.
        let options = Options { picus: Some("/no/such/picus".into()), ..cli.options };
        let error = run(&cli.campaign, options).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /no/such/folder/report: "), "{error}");
        assert!(error.ends_with("; choose another file with --json"), "{error}");
    }
}
