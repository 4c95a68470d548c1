//! A function's configuration and faults.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

/// The most concurrent invocations without a reservation: the limit of a new account ("Lambda quotas").
pub const UNRESERVED_CONCURRENCY: usize = 1000;

/// How long an idle environment is kept. Lambda does not document it. Minutes are usual.
pub const MAX_IDLE: Duration = Duration::from_mins(5);

/// How the function is configured.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Function {
    pub name: String,
    /// The ARN of the alias that it is invoked by.
    pub arn: String,
    /// The role whose permissions it has.
    pub role: String,
    /// Tells the executable which program to be.
    pub program: &'static str,
    /// The handler's name.
    pub handler: String,
    /// The longest time for an invocation.
    pub timeout: Duration,
    /// The most concurrent invocations: its reservation, or the account's limit.
    pub concurrency: usize,
    /// How long an idle environment is kept.
    pub max_idle: Duration,
    /// Its memory in MB, which the environment tells it.
    pub memory_mb: u32,
    /// The level of Lambda's own log lines for it.
    pub log_level: String,
    /// Its log group.
    pub log_group: String,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
}

/// Why an invocation has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// Too many concurrent invocations.
    #[error("the function is throttled")]
    Throttled,
    /// The function took too long. Its environment was ended.
    #[error("the function timed out")]
    TimedOut,
    /// The function's process ended, or did not start.
    #[error("the function's process ended")]
    Exited,
    /// The function reported an error.
    #[error("the function failed")]
    Failed,
}

/// A fault of the function's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionFault {
    /// Each process dies during its invocation.
    Crash,
    /// Each process hangs until its time-out.
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
