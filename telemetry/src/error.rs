//! Why telemetry could not start.

use std::io;

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The system could not start a thread.
    #[error("a thread for telemetry could not be started: {0}")]
    Thread(io::Error),
    /// Telemetry can start only once in a process.
    #[error("telemetry was started before in this process")]
    AlreadyStarted,
}
