//! Reads this process's use of CPU, memory and files. Only Linux tells it; elsewhere the gauges are not set.

use std::time::Duration;

/// The CPU time used since the start.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// The process's usage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Cpu,
    pub(crate) memory_bytes: u64,
    pub(crate) file_descriptors: u64,
}

impl Usage {
    /// Reads `/proc`.
    #[cfg(target_os = "linux")]
    pub(crate) fn read() -> Option<Self> {
        use procfs::WithCurrentSystemInfo as _;

        let process = procfs::process::Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let time = |ticks: u64| Duration::from_millis(ticks * 1000 / procfs::ticks_per_second());
        Some(Self {
            cpu: Cpu { user: time(stat.utime), system: time(stat.stime) },
            memory_bytes: stat.rss_bytes().get(),
            file_descriptors: process.fd_count().ok()? as u64,
        })
    }

    /// Unknown on this system.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read() -> Option<Self> {
        None
    }
}
