//! `cargo run --release`: Picus on this machine.

mod ask;
mod cli;
mod drill;
mod guide;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
