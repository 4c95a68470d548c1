//! `cargo run --release`: Picus on this machine.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
