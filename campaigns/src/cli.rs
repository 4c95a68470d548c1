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
use crate::{durability, fuzz, linearizability, overload, rolling, slow};
use picus_settings::{complain, visible_lines};

/// Tries to break what Picus promises, for as long as you like. The exit code is 0 if all held, 1 if
/// something did not, and 2 if the campaign could not be made.
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
    /// What decides what is decided by chance [default: by chance]
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// How much is done, where no count says otherwise
    #[arg(long, global = true, value_enum, default_value_t = Size::Small)]
    size: Size,
    /// Write the report to this file, as JSON
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program that is tried [default: the `picus` beside this program]
    #[arg(long, global = true, value_name = "FILE")]
    picus: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Campaign {
    /// Kills the whole system over and over: nothing acknowledged is lost, nothing deleted comes back
    Durability(durability::Arguments),
    /// Replaces tasks under load: no request is lost
    Rolling(rolling::Arguments),
    /// Kills tasks and handlers under clients of few keys: every history is linearizable
    Linearizability(linearizability::Arguments),
    /// Sends and takes slowly: others are answered as before
    Slow(slow::Arguments),
    /// Sends inputs changed at random: no 500, no panic, nothing that hangs
    Fuzz(fuzz::Arguments),
    /// Asks for twice what the service can do while DynamoDB fails: it does as much afterwards as before
    Overload(overload::Arguments),
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
        }
    }

    async fn run(&self, context: &Context) -> Result<Report, CampaignError> {
        match self {
            Self::Durability(arguments) => durability::run(context, arguments).await,
            Self::Rolling(arguments) => rolling::run(context, arguments).await,
            Self::Linearizability(arguments) => linearizability::run(context, arguments).await,
            Self::Slow(arguments) => slow::run(context, arguments).await,
            Self::Fuzz(arguments) => fuzz::run(context, arguments).await,
            Self::Overload(arguments) => overload::run(context, arguments).await,
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
        // Said before the campaign, and not after it. What the file has stays until there is a new report.
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
}
