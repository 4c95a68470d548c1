//! A drill, made: its system's reports before, during and after the fault.

use std::path::PathBuf;

use crate::plan::Drill;
use crate::stage::{DrillError, Stage};
use crate::tape::{CALM, Tape};
use crate::traffic::NORMAL;

/// Makes a drill with a system of its own, whose programs `executable` can be.
///
/// # Errors
/// What keeps it from being made.
pub async fn record(drill: &Drill, executable: PathBuf) -> Result<Tape, DrillError> {
    let mut stage = Stage::set(drill, executable).await?;
    let green = stage.minutes(CALM, NORMAL).await;
    stage.begin(drill.fault).await?;
    let fault = stage.minutes(drill.recorded, drill.traffic).await;
    stage.end(drill.fault).await?;
    let after = stage.minutes(CALM, NORMAL).await;
    stage.clear().await;
    Ok(Tape { green, fault, after })
}
