//! `picus drill`: makes the drills and says how they went.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;
use picus_drills::{self as drills, DRILLS, Drill, Report};
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

/// Makes the drills, one after the other. Tells whether all went as it should.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let alarms = drills::alarms(drills::TEMPLATE)?;
    if let Some(file) = &arguments.report {
        // Said before the drills, and not minutes later. What the file has stays until there is a new report.
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(|error| cannot_write(file, &error))?;
    }
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
        written.map_err(|error| cannot_write(file, &error))?;
    }
    for lack in report.unproven() {
        eprintln!("{lack}");
    }
    Ok(report.is_good())
}

fn cannot_write(file: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}; choose another file with --report", file.display())
}
