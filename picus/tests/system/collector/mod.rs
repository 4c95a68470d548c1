//! Telemetry from the programs to AWS, through a real collector with the deployed configuration.
//!
//! `ci/collector` installs what these tests need, and runs them.

mod alarms;
mod aws;
mod metrics;
mod otlp;
mod percentiles;
mod references;
mod requests;
mod sidecar;
mod signature;
mod told;
mod traces;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long each step may take: collector and emulator start slowly on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// An address on which nothing listens at this moment.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Calls `ask` until it succeeds. After [`PATIENCE`], fails with the last error.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(lack) => assert!(Instant::now() < deadline, "{lack}"),
        }
        sleep(Duration::from_millis(200)).await;
    }
}
