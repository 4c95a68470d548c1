//! What every campaign is given, and why one can't be made.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use picus_local::{Options, StartError};

/// How much a campaign does, where no count says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Size {
    /// A part of a minute: the gate runs these
    Small,
    /// Minutes to hours
    Large,
}

/// What every campaign is given.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) seed: u64,
    pub(crate) size: Size,
    /// The `picus` that is tried.
    pub(crate) picus: PathBuf,
}

impl Context {
    /// The count that was asked for, or the one of this size.
    pub(crate) fn count(&self, asked: Option<usize>, small: usize, large: usize) -> usize {
        asked.unwrap_or(match self.size {
            Size::Small => small,
            Size::Large => large,
        })
    }

    /// A system of so many tasks, whose programs are those that are tried.
    pub(crate) fn options(&self, tasks: usize) -> Options {
        Options { executable: self.picus.clone(), tasks, ..Options::default() }
    }
}

/// Why a campaign can't be made. What it finds wrong is in its report instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CampaignError {
    /// Most often: `picus` is not built.
    #[error("cannot run {}: {source}; build it, or name one with --picus", path.display())]
    Executable { path: PathBuf, source: io::Error },
    #[error("picus did not start: {0}")]
    NotStarted(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Io(#[from] io::Error),
}
