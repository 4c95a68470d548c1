//! `cargo run --release`: Picus on this machine.

mod cli;
mod docs_page;
mod drill;
mod guide;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
