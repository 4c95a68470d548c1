//! `picus-delete-handler`: deletes items, in AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    picus_delete_handler::main()
}
