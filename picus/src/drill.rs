//! `picus drill`: runs the drills and shows their results.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anstyle::AnsiColor;
use clap::Args;
use clap::builder::PossibleValuesParser;
use picus_drills::{self as drills, DRILLS, Drill, Report, Step};
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this drill; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(DRILLS.iter().map(|drill| drill.name)))]
    only: Vec<String>,
    /// Write what happened to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Runs the drills, one after another. Returns whether everything was as it should be.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let alarms = drills::alarms(drills::TEMPLATE)?;
    if let Some(file) = &arguments.report {
        // Fails before the drills, not minutes later. The old content stays until there is a new report.
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(|error| cannot_write(file, &error))?;
    }
    let mut report = Report::new(&alarms, arguments.only.is_empty());
    let wanted = |drill: &&Drill| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == drill.name)
    };
    let executable = env::current_exe()?;
    let runtime = Runtime::new()?;
    let drills: Vec<_> = DRILLS.iter().filter(wanted).collect();
    for (number, drill) in drills.iter().enumerate() {
        let started = Instant::now();
        tell(&format!("[{:>2}/{}] {}\n{}\n", number + 1, drills.len(), drill.name, drill.story()));
        let recorded = runtime.block_on(drills::record(drill, executable.clone(), progress));
        clear_progress();
        let tape = recorded?;
        let verdict = tape.play(drill, &alarms)?;
        let faults = verdict.faults(drill, &alarms);
        let (style, how) = if faults.is_empty() {
            (AnsiColor::Green, "as it should be")
        } else {
            (AnsiColor::Red, "NOT as it should be")
        };
        let (style, took) = (style.on_default(), started.elapsed().as_secs_f64());
        tell(&format!("{}\n  {style}{how}{style:#}, in {took:.1} s\n", verdict.story(drill)));
        for fault in &faults {
            tell(&format!("{}\n", drills::wrapped(2, fault)));
        }
        report.add(**drill, &tape, verdict, faults);
    }
    // If stdout is closed, the exit code still tells.
    let _ = writeln!(io::stdout(), "\n{}", report.matrix());
    if let Some(file) = &arguments.report {
        let written = fs::write(file, report.json().to_string());
        written.map_err(|error| cannot_write(file, &error))?;
    }
    for lack in report.unproven() {
        tell(&format!("{}\n", drills::wrapped(0, &lack)));
    }
    Ok(report.is_good())
}

/// Prints to stderr, coloured on a terminal. Ignores a closed stderr.
fn tell(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Shows the current step on a terminal, in a line that the next step overwrites.
fn progress(step: Step) {
    if io::stderr().is_terminal() {
        clear_progress();
        tell(&format!("  {step} …"));
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        tell(&format!("\r{:78}\r", ""));
    }
}

fn cannot_write(file: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}; choose another file with --report", file.display())
}
