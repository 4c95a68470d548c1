//! Runs a drill, and records what its system reports before, during and after the fault.

use std::fmt;
use std::path::PathBuf;

use crate::plan::{Drill, Fault};
use crate::stage::{DrillError, Stage};
use crate::tape::{CALM, Tape};
use crate::traffic::{NONE, NORMAL};

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
    let mut stage = Box::pin(Stage::set(drill, executable)).await?;
    tell(Step::Calm);
    // What a client has seen may be reported a moment later.
    stage.minutes(1, NONE).await;
    stage.take_seen();
    let green = stage.minutes(CALM, NORMAL).await;
    let mut calm = stage.take_seen();
    tell(Step::Fault);
    stage.take_lines();
    stage.begin(drill.fault).await?;
    let fault = stage.minutes(drill.recorded, drill.traffic).await;
    let mut seen = stage.take_seen();
    let mut lines = stage.take_lines();
    if drill.fault == Fault::HandlerUnheard {
        lines.retain(|(program, _)| *program == "service");
    }
    tell(Step::Recovery);
    stage.end(drill.fault).await?;
    let after = stage.minutes(CALM, NORMAL).await;
    let rest = stage.minutes(1, NONE).await;
    calm.extend(stage.take_seen());
    stage.clear().await;
    let overhead = calm.iter().map(|seen| seen.waited).max().unwrap_or_default();
    seen.extend(calm);
    Ok(Tape { green, fault, after, rest, seen, overhead, lines })
}
