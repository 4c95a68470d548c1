//! `cargo run --release`: Picus on this machine.

mod cli;
mod docs_page;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
