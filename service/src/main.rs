//! `picus-service`: list, put and get items over HTTP.

use std::process::ExitCode;

fn main() -> ExitCode {
    picus_service::main()
}
