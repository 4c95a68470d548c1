//! Takes CPU from tasks: they run for a moment and then pause, as the kernel does with processes that have used up
//! their share.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time;

/// Longer than the latency SLO of this drill.
const SPELL: Duration = Duration::from_millis(1300);
/// Shorter than a response takes.
const MOMENT: Duration = Duration::from_millis(1);

/// The share of a CPU that is left to each thread.
pub(crate) fn share() -> f64 {
    MOMENT.div_duration_f64(SPELL + MOMENT)
}

/// Processes with too little CPU, until this ends.
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
        // When it is aborted, it has let the processes run again.
        let _ = self.0.await;
    }
}

struct Processes(Vec<Pid>);

impl Processes {
    fn tell(&self, signal: Signal) {
        for pid in &self.0 {
            // A process that has ended needs no signal.
            let _ = kill_process(*pid, signal);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.tell(Signal::CONT);
    }
}
