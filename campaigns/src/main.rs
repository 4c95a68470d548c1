//! `picus-campaigns`: long runs that try to break what Picus promises. docs/RELIABILITY.md has the
//! promises, and what the runs found.
//!
//! Each campaign starts the real programs, does its worst for as long as it was asked to, and reports
//! figures and failures. Its seed decides what is decided by chance, but not how the machine schedules
//! it: the same seed makes the same requests, not the same interleaving.

mod cli;
mod client;
mod context;
mod durability;
mod fuzz;
mod history;
mod inputs;
mod ledger;
mod linearizability;
mod load;
mod overload;
mod program;
mod report;
mod rolling;
mod slow;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
