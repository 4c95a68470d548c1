//! Runs a drill, and records what its system reports before, during and after the fault.

use std::fmt;
use std::path::PathBuf;

use crate::plan::Drill;
use crate::stage::{DrillError, Stage};
use crate::tape::{CALM, Tape};
use crate::traffic::NORMAL;

/// The current step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their texts say all")]
pub enum Step {
    Start,
    Calm,
    Fault,
    Recovery,
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Start => "a system starts",
            Self::Calm => "all is well, and is recorded",
            Self::Fault => "the fault is there, and is recorded",
            Self::Recovery => "the fault has ended, and the system recovers",
        })
    }
}

/// Runs a drill with its own system, whose programs are `executable`. Each step is announced as it begins.
///
/// # Errors
/// Why the drill could not run.
pub async fn record(
    drill: &Drill,
    executable: PathBuf,
    tell: impl Fn(Step),
) -> Result<Tape, DrillError> {
    tell(Step::Start);
    let mut stage = Stage::set(drill, executable).await?;
    tell(Step::Calm);
    let green = stage.minutes(CALM, NORMAL).await;
    tell(Step::Fault);
    stage.begin(drill.fault).await?;
    let fault = stage.minutes(drill.recorded, drill.traffic).await;
    tell(Step::Recovery);
    stage.end(drill.fault).await?;
    let after = stage.minutes(CALM, NORMAL).await;
    stage.clear().await;
    Ok(Tape { green, fault, after })
}
