//! Why telemetry could not start.

use std::io;

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The system has no thread left.
    #[error("a thread for telemetry could not be started: {0}")]
    Thread(io::Error),
    /// Telemetry can be started once in a process.
    #[error("telemetry was started before in this process")]
    AlreadyStarted,
}
