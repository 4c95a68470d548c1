//! The service's figures: `cargo bench -p picus-service` prints them, and fails when one is over its
//! target. `cargo bench -p picus-service --bench figures -- load` prints those of one module alone.

mod collector_in_trouble;
mod get;
mod given;
mod load;
mod memory;
mod task;
mod usage;

use std::env;
use std::io;
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    // Cargo adds `--bench`.
    let chosen: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if chosen == ["bare"] {
        return get::bare().map(|()| ExitCode::SUCCESS);
    }
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let reached = tokio::runtime::Runtime::new()?.block_on(async {
        // All are printed, whatever the first ones are.
        let mut reached = true;
        if is_chosen("get") {
            reached &= get::measure().await?;
        }
        if is_chosen("load") {
            reached &= load::measure().await?;
        }
        if is_chosen("collector_in_trouble") {
            reached &= collector_in_trouble::measure().await?;
        }
        if is_chosen("memory") {
            reached &= memory::measure().await?;
        }
        if is_chosen("task") {
            reached &= task::measure().await?;
        }
        Ok::<_, io::Error>(reached)
    })?;
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
