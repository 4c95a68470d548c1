//! Tasks that are short of CPU: they run for a moment, and then stand for a spell, as the kernel lets
//! those that have used up their share.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time;

/// Longer than the objective of this drill.
const SPELL: Duration = Duration::from_millis(1300);
/// Less than one answer takes.
const MOMENT: Duration = Duration::from_millis(1);

/// Processes that are short of CPU until this ends.
pub(crate) struct Shortage(JoinHandle<()>);

impl Shortage {
    pub(crate) fn of(pids: impl Iterator<Item = u32>) -> Self {
        let processes =
            Processes(pids.filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect());
        Self(tokio::spawn(async move {
            loop {
                processes.tell(Signal::STOP);
                time::sleep(SPELL).await;
                processes.tell(Signal::CONT);
                time::sleep(MOMENT).await;
            }
        }))
    }

    pub(crate) async fn end(self) {
        self.0.abort();
        // Aborted, it has let them go.
        let _ = self.0.await;
    }
}

struct Processes(Vec<Pid>);

impl Processes {
    fn tell(&self, signal: Signal) {
        for pid in &self.0 {
            // One that has ended can't be told.
            let _ = kill_process(*pid, signal);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.tell(Signal::CONT);
    }
}
