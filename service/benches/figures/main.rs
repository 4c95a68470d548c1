//! The service's figures: `cargo bench -p picus-service` prints them, and fails when one is over its
//! target.

mod collector_in_trouble;
mod get;
mod given;
mod load;
mod memory;
mod usage;

use std::env;
use std::io;
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    if env::args().nth(1).as_deref() == Some("bare") {
        return get::bare().map(|()| ExitCode::SUCCESS);
    }
    let reached = tokio::runtime::Runtime::new()?.block_on(async {
        // All are printed, whatever the first ones are.
        Ok::<_, io::Error>([
            get::measure().await?,
            load::measure().await?,
            collector_in_trouble::measure().await?,
            memory::measure().await?,
        ])
    })?;
    Ok(if reached == [true; 4] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
