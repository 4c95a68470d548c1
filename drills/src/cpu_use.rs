//! How much CPU tasks use. Only Linux tells it of other processes; elsewhere nothing is reported.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The CPU time of each process at the last reading.
#[derive(Debug)]
pub(crate) struct CpuUse {
    at: Instant,
    last: HashMap<u32, Duration>,
}

impl CpuUse {
    pub(crate) fn new() -> Self {
        Self { at: Instant::now(), last: HashMap::new() }
    }

    /// How many CPUs each process has used on average since the last reading. The first reading of a process says
    /// nothing.
    pub(crate) fn read(&mut self, pids: impl Iterator<Item = u32>) -> Vec<f64> {
        let now = Instant::now();
        let passed = now.duration_since(self.at).as_secs_f64();
        let all: HashMap<_, _> = pids.filter_map(|pid| Some((pid, spent(pid)?))).collect();
        let used = all.iter().filter_map(|(pid, time)| {
            let more = time.saturating_sub(*self.last.get(pid)?);
            (passed > 0.0).then(|| more.as_secs_f64() / passed)
        });
        let used = used.collect();
        *self = Self { at: now, last: all };
        used
    }
}

/// The CPU time of a process since it started; `None` if it has ended.
#[cfg(target_os = "linux")]
fn spent(pid: u32) -> Option<Duration> {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    Some(nix::time::clock_getcpuclockid(pid).ok()?.now().ok()?.into())
}

#[cfg(not(target_os = "linux"))]
fn spent(_: u32) -> Option<Duration> {
    None
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_about_a_cpu_and_one_that_sleeps_none() {
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pids = [std::process::id(), sleeper.id(), 0];
        let read = |cpu: &mut CpuUse, pid| cpu.read(std::iter::once(pid));
        let [mut own, mut other] = [CpuUse::new(), CpuUse::new()];
        assert!(read(&mut own, pids[0]).is_empty(), "nothing to compare with");
        assert!(read(&mut other, pids[1]).is_empty());
        let begun = spent(pids[0]).unwrap();
        while spent(pids[0]).unwrap() < begun + Duration::from_millis(50) {}
        let passed = own.at.elapsed().as_secs_f64();
        let [used] = read(&mut own, pids[0])[..] else { panic!() };
        assert!(used * passed >= 0.04, "{used} CPUs in {passed} s");
        let [used] = read(&mut other, pids[1])[..] else { panic!() };
        assert!(used < 0.5, "{used}");
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert!(read(&mut other, pids[1]).is_empty(), "it has ended");
    }
}
