//! `cargo run --release`: Picus on this machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    picus_local::cli::main()
}
