//! What the system says of another process: exactly on Linux, by `ps` elsewhere.

pub(crate) use system::{cpu, memory};

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::io;
    use std::time::Duration;

    use nix::time::clock_getcpuclockid;
    use nix::unistd::Pid;

    pub(crate) fn cpu(id: u32) -> io::Result<Duration> {
        let id = i32::try_from(id).map_err(io::Error::other)?;
        Ok(clock_getcpuclockid(Pid::from_raw(id))?.now()?.into())
    }

    /// `VmRSS` and `VmHWM` of proc(5).
    pub(crate) fn memory(id: u32) -> io::Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
        };
        bytes("VmRSS").zip(bytes("VmHWM")).ok_or_else(|| io::Error::other("no memory in status"))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::process::Command;
    use std::time::Duration;

    /// Minutes, seconds and hundredths: `0:12.34`.
    pub(crate) fn cpu(id: u32) -> io::Result<Duration> {
        let text = asked(id, "time=")?;
        let parts = text.split(':').map(str::parse::<f64>);
        let seconds = parts.into_iter().try_fold(0.0, |sum, part| Ok(sum * 60.0 + part?));
        let seconds: f64 =
            seconds.map_err(|error: std::num::ParseFloatError| io::Error::other(error))?;
        Ok(Duration::from_secs_f64(seconds))
    }

    /// The highest is not known: what it has now stands for it.
    pub(crate) fn memory(id: u32) -> io::Result<(u64, u64)> {
        let kib: u64 = asked(id, "rss=")?.parse().map_err(io::Error::other)?;
        Ok((kib * 1024, kib * 1024))
    }

    fn asked(id: u32, column: &str) -> io::Result<String> {
        let output = Command::new("ps").args(["-o", column, "-p", &id.to_string()]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
