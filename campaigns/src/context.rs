//! What every campaign needs, and why one can't run.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use picus_local::{Options, StartError};

/// How much a campaign does, where no option gives a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Size {
    /// Less than a minute, as in the gate
    Small,
    /// Minutes to hours
    Large,
}

/// What every campaign needs.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) seed: u64,
    pub(crate) size: Size,
    /// The `picus` under test.
    pub(crate) picus: PathBuf,
}

impl Context {
    /// The requested count, or the default for this size.
    pub(crate) fn count(&self, asked: Option<usize>, small: usize, large: usize) -> usize {
        asked.unwrap_or(match self.size {
            Size::Small => small,
            Size::Large => large,
        })
    }

    /// A system with this many tasks, whose programs are under test.
    pub(crate) fn options(&self, tasks: usize) -> Options {
        Options { executable: self.picus.clone(), tasks, ..Options::default() }
    }
}

/// Why a campaign can't run. Broken promises are in its report instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CampaignError {
    /// In most cases, `picus` has not been built.
    #[error("cannot run {}: {source}; build it, or name one with --picus", path.display())]
    Executable { path: PathBuf, source: io::Error },
    #[error("picus did not start: {0}")]
    NotStarted(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Io(#[from] io::Error),
}
