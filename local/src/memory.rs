//! The memory of a process on this machine. Linux tells it in `/proc` (proc(5)). On other systems `ps` tells the
//! current memory, and the peak is unknown.

/// Physical memory in use, in bytes; `None` if the process has ended.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    system::resident_kib(pid).map(|kib| kib * 1024)
}

/// The most physical memory so far, in bytes, while the process runs.
pub(crate) fn peak_bytes(pid: u32) -> Option<u64> {
    system::peak_kib(pid).map(|kib| kib * 1024)
}

#[cfg(target_os = "linux")]
mod system {
    pub(super) fn resident_kib(pid: u32) -> Option<u64> {
        status(pid, "VmRSS:")
    }

    pub(super) fn peak_kib(pid: u32) -> Option<u64> {
        status(pid, "VmHWM:")
    }

    fn status(pid: u32, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::process::Command;

    pub(super) fn resident_kib(pid: u32) -> Option<u64> {
        let output =
            Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }

    pub(super) fn peak_kib(_: u32) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_until_it_has_ended() {
        let bytes = resident_bytes(std::process::id()).unwrap();
        assert!((1_000_000..10_000_000_000).contains(&bytes), "{bytes}");
        assert!(peak_bytes(std::process::id()).is_none_or(|peak| peak >= bytes));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(resident_bytes(child.id()), None);
    }
}
