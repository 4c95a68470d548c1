//! Child processes that end when this process ends.
//!
//! Each program runs as deployed, in a process of its own: this executable again, with a hidden argument that names
//! the program. A child watches its standard input, whose other end this process holds. When this process ends, even
//! by SIGKILL, the system closes it and the child ends too.

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

/// How programs are started.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    /// An executable that knows the hidden arguments.
    pub(crate) executable: PathBuf,
    /// Variables for every program.
    pub(crate) environment: HashMap<String, String>,
    pub(crate) output: Output,
    /// Reads metrics from the programs' lines.
    pub(crate) metrics: MetricSink,
}

/// `EX_USAGE` of `sysexits.h`: the exit code of a program with bad settings.
const USAGE: i32 = 64;
/// The longest wait for the last lines of a program that has ended.
const MAX_LAST_WORDS: Duration = Duration::from_secs(1);

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Returns its stderr when it has ended.
    complaints: Option<JoinHandle<String>>,
    /// Kept apart, because waiting for a child closes its standard input, and so ends it.
    _lifeline: Option<ChildStdin>,
}

impl Launcher {
    /// Starts `program`, and shows its output under `label`.
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
    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        // A child that can't be waited for does not exist.
        let _ = self.child.wait().await;
    }

    /// Why the ended program refused its settings, if it did. Starting it again would not help.
    pub(crate) async fn refusal(mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let complaints = self.complaints.take().filter(|_| status.code() == Some(USAGE))?;
        Some(time::timeout(MAX_LAST_WORDS, complaints).await.ok()?.unwrap_or_default())
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill().await;
    }

    /// Asks it to stop, as ECS does, and kills it after `grace`. Returns whether it stopped by itself, without an
    /// error.
    pub(crate) async fn stop(&mut self, grace: Duration) -> bool {
        if let Some(pid) = self.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may have ended already.
            let _ = kill_process(pid, Signal::TERM);
        }
        if let Ok(Ok(status)) = time::timeout(grace, self.child.wait()).await {
            return status.success();
        }
        self.kill().await;
        false
    }
}

/// Ends this process when its parent is gone.
pub fn end_with_parent() {
    thread::spawn(|| {
        let mut nothing = [0; 64];
        while io::stdin().read(&mut nothing).is_ok_and(|count| count > 0) {}
        std::process::exit(1);
    });
}
