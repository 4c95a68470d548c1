//! Picus as people start it: one process, whose children are the programs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{self, Instant};

use crate::context::CampaignError;

/// The longest time for a start.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the children may outlive their parent.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A running `picus`.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts it with its items in a folder, and returns when it serves.
    pub(crate) async fn start(
        picus: &Path,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Self, CampaignError> {
        let mut child = Command::new(picus)
            .args(["--port", "0", "--data-dir"])
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| CampaignError::Executable { path: picus.to_owned(), source })?;
        let Some(stderr) = child.stderr.take() else {
            return Err(CampaignError::NotStarted("it has no stderr".to_owned()));
        };
        let address = time::timeout(START_TIMEOUT, address(stderr)).await;
        let address = address.unwrap_or_else(|_| Err("it took too long".to_owned()));
        Ok(Self { child, address: address.map_err(CampaignError::NotStarted)? })
    }

    /// The running processes that it has started.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let Some(id) = self.child.id() else { return Vec::new() };
        children(id).split_whitespace().filter_map(|id| pid(id.parse().ok()?)).collect()
    }

    /// Kills it with SIGKILL. Returns whether all its children ended too.
    pub(crate) async fn kill(mut self) -> Result<bool, CampaignError> {
        let children = self.children();
        self.child.kill().await?;
        let until = Instant::now() + END_TIMEOUT;
        while children.iter().any(|child| test_kill_process(*child).is_ok()) {
            if Instant::now() > until {
                return Ok(false);
            }
            time::sleep(Duration::from_millis(5)).await;
        }
        Ok(true)
    }
}

/// The ids of a process' children.
#[cfg(target_os = "linux")]
fn children(id: u32) -> String {
    // Linux lists a process' children by thread.
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.collect::<Vec<_>>().join(" ")
}

/// The same for other systems, from `pgrep`.
#[cfg(not(target_os = "linux"))]
fn children(id: u32) -> String {
    let found = std::process::Command::new("pgrep").args(["-P", &id.to_string()]).output();
    found.map(|found| String::from_utf8_lossy(&found.stdout).into_owned()).unwrap_or_default()
}

/// How many files a process has open.
#[cfg(target_os = "linux")]
pub(crate) fn open_files(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().count()
}

/// Not known there.
#[cfg(not(target_os = "linux"))]
pub(crate) fn open_files(_: u32) -> usize {
    0
}

/// Kills a process. It may have ended already.
pub(crate) fn kill(process: Pid) {
    let _ = kill_process(process, Signal::KILL);
}

pub(crate) fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(id.cast_signed())
}

/// Waits for the line with the load balancer's address. Later lines are read and dropped, because a program must
/// never wait for its reader.
async fn address(stderr: impl AsyncRead + Unpin + Send + 'static) -> Result<SocketAddr, String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut seen = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let address = line.trim().strip_prefix("load balancer").and_then(|rest| {
            rest.trim().strip_prefix("http://").and_then(|address| address.parse().ok())
        });
        if let Some(address) = address {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(address);
        }
        seen.push_str(&line);
    }
    Err(seen)
}
