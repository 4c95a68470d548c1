//! Why telemetry could not start.

use std::io;
use std::net::SocketAddr;

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The daemon can't be sent anything.
    #[error(
        "AWS_XRAY_DAEMON_ADDRESS: {address} can not be reached ({source}): correct it, or unset it"
    )]
    XrayDaemon {
        /// Where it is said to be.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no thread left.
    #[error("a thread for telemetry could not be started: {0}")]
    Thread(io::Error),
    /// Telemetry can be started once in a process.
    #[error("telemetry was started before in this process")]
    AlreadyStarted,
}
