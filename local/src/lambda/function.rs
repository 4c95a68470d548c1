//! A function: how it is configured, and what can go wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

/// The most invocations at once of a function for which nothing is reserved: what an account begins
/// with ("Lambda quotas").
pub const UNRESERVED_CONCURRENCY: usize = 1000;

/// How long an environment is kept that has nothing to do. Lambda does not say how long it keeps one;
/// minutes are usual.
pub const MAX_IDLE: Duration = Duration::from_mins(5);

/// How the function is configured.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Function {
    pub name: String,
    /// The ARN that it is invoked by, that of an alias.
    pub arn: String,
    /// The role in whose name it calls AWS.
    pub role: String,
    /// What the executable is told to be.
    pub program: &'static str,
    /// The handler's name.
    pub handler: String,
    /// The longest that an invocation may take.
    pub timeout: Duration,
    /// The most invocations at once: what is reserved for it, or what the account may have.
    pub concurrency: usize,
    /// How long an environment is kept that has nothing to do.
    pub max_idle: Duration,
    /// Its memory, in MB, as its environment says.
    pub memory_mb: u32,
    /// Which of its own lines are written.
    pub log_level: String,
    /// Where its lines go.
    pub log_group: String,
    /// Variables of its own.
    pub environment: BTreeMap<String, String>,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// As many invocations as are allowed are under way.
    #[error("the function is throttled")]
    Throttled,
    /// The function took too long, and its environment was ended.
    #[error("the function timed out")]
    TimedOut,
    /// The function's process ended, or never came up.
    #[error("the function's process ended")]
    Exited,
    /// The function said that it failed.
    #[error("the function failed")]
    Failed,
}

/// What is done to the function's processes, to see what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionFault {
    /// Each dies over its invocation.
    Crash,
    /// Each hangs, and so runs into its time-out.
    Hang,
}

impl FunctionFault {
    pub(super) fn signal(self) -> Signal {
        match self {
            Self::Crash => Signal::KILL,
            Self::Hang => Signal::STOP,
        }
    }
}
