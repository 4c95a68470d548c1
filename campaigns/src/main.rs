//! `picus-campaigns`: long runs that try to break what Picus promises. docs/RELIABILITY.md lists the promises, and
//! what the runs found.
//!
//! Each campaign starts the real programs, does its worst for the requested time, and reports figures and failures.
//! The seed fixes all random choices, but not how the machine schedules them: the same seed gives the same requests
//! in another order.

mod cli;
mod client;
mod context;
mod durability;
mod fuzz;
mod inputs;
mod ledger;
mod linearizability;
mod load;
mod memory;
mod overload;
mod program;
mod report;
mod rolling;
mod slow;
mod soak;
mod stand_in;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
