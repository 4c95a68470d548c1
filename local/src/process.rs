//! Processes that end with this one.
//!
//! Each program runs as it is deployed, in a process of its own: this very executable, told by a
//! hidden argument which program to be. It watches its standard input, whose other end this process
//! holds: however this one ends, even by SIGKILL, the system closes it, and the other ends too.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time;

use crate::output::Output;
use picus_cloudwatch::metric_sink::MetricSink;

/// How the programs are started.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    /// An executable that knows the hidden arguments.
    pub(crate) executable: PathBuf,
    /// Variables that every program gets.
    pub(crate) environment: HashMap<String, String>,
    pub(crate) output: Output,
    /// Reads the metrics among the programs' lines.
    pub(crate) metrics: MetricSink,
}

/// What `sysexits.h` calls `EX_USAGE`: a program's exit code where its settings can't be used.
const USAGE: i32 = 64;
/// How long what an ended program has said may be on its way.
const MAX_LAST_WORDS: Duration = Duration::from_secs(1);

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What it says on stderr until it ends.
    complaints: Option<JoinHandle<String>>,
    /// Waiting for a child closes its standard input, and so ends it: this is kept apart.
    _lifeline: Option<ChildStdin>,
}

impl Launcher {
    /// Starts `program`, its output shown under `label`.
    pub(crate) fn start(
        &self,
        program: &str,
        label: &'static str,
        environment: impl IntoIterator<Item = (&'static str, String)>,
    ) -> io::Result<Process> {
        let mut child = Command::new(&self.executable)
            .arg(program)
            .envs(&self.environment)
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            self.output.forward(label, stdout, self.metrics.clone());
        }
        let complaints =
            child.stderr.take().map(|stderr| self.output.forward_complaints(label, stderr));
        Ok(Process { _lifeline: child.stdin.take(), complaints, child })
    }
}

impl Process {
    /// Its id, as long as it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        // What can't be waited for is not there.
        let _ = self.child.wait().await;
    }

    /// Of one that has ended: what it said, if it ended because it can't use its settings. Another start
    /// would change nothing.
    pub(crate) async fn refusal(mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let complaints = self.complaints.take().filter(|_| status.code() == Some(USAGE))?;
        Some(time::timeout(MAX_LAST_WORDS, complaints).await.ok()?.unwrap_or_default())
    }

    /// Ends it at once.
    pub(crate) async fn kill(&mut self) {
        // One that has ended can't be killed.
        let _ = self.child.kill().await;
    }

    /// Asks it to end, as ECS does, and ends it if it has not after `grace`. Tells whether it ended
    /// by itself and well.
    pub(crate) async fn stop(&mut self, grace: Duration) -> bool {
        if let Some(pid) = self.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // One that has just ended can't be told.
            let _ = kill_process(pid, Signal::TERM);
        }
        if let Ok(Ok(status)) = time::timeout(grace, self.child.wait()).await {
            return status.success();
        }
        self.kill().await;
        false
    }
}

/// Ends this process when the one that started it is gone.
pub fn end_with_parent() {
    thread::spawn(|| {
        let mut nothing = [0; 64];
        while io::stdin().read(&mut nothing).is_ok_and(|count| count > 0) {}
        std::process::exit(1);
    });
}
