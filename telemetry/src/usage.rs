//! What this process takes of its machine. Linux tells it; on other systems it is not known, and the gauges of it
//! are not set.

use std::time::Duration;

/// The CPU time that it has used since its start.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// What the process has used, or uses now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Cpu,
    pub(crate) memory_bytes: u64,
    pub(crate) file_descriptors: u64,
}

impl Usage {
    /// Reads the proc file system.
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

    /// Nothing is known.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read() -> Option<Self> {
        None
    }
}
