//! Control groups that give a program as much memory and CPU as a task has (cgroups(7), version 1).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const ROOT: &str = "/sys/fs/cgroup";
/// Microseconds in which a program has its share.
const PERIOD_US: u32 = 100_000;

/// Where a program may not have more than this. It goes when this is dropped, and no program is left in it.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    memory: PathBuf,
    cpu: PathBuf,
    folder: TempDir,
}

impl ControlGroup {
    /// A group with so many bytes of memory, swap included where it is counted, and so many hundredths of a CPU.
    ///
    /// # Errors
    /// None can be made on this machine.
    pub(crate) fn new(memory_bytes: u64, cpu_percent: u32) -> io::Result<Self> {
        let name = format!("picus-campaigns-{}", std::process::id());
        let of = |controller: &str| Path::new(ROOT).join(controller).join(&name);
        let this = Self { memory: of("memory"), cpu: of("cpu"), folder: tempfile::tempdir()? };
        fs::create_dir(&this.memory)?;
        fs::create_dir(&this.cpu)?;
        fs::write(this.memory.join("memory.limit_in_bytes"), memory_bytes.to_string())?;
        // Linux counts swap only where it was built to.
        let _ =
            fs::write(this.memory.join("memory.memsw.limit_in_bytes"), memory_bytes.to_string());
        fs::write(this.cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        let quota = PERIOD_US / 100 * cpu_percent;
        fs::write(this.cpu.join("cpu.cfs_quota_us"), quota.to_string())?;
        // A task has its share whatever else this machine does.
        fs::write(this.cpu.join("cpu.shares"), "262144")?;
        Ok(this)
    }

    /// An executable that is `picus`, whose service runs in this group.
    pub(crate) fn executable(&self, picus: &Path) -> io::Result<PathBuf> {
        let quoted =
            |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
        let groups = [&self.memory, &self.cpu].map(|group| quoted(&group.join("cgroup.procs")));
        let text = format!(
            "#!/bin/sh\n[ \"$1\" != service ] || for group in {}; do echo $$ >\"$group\" || exit 1; done\nexec {} \"$@\"\n",
            groups.join(" "),
            quoted(&fs::canonicalize(picus)?),
        );
        let executable = self.folder.path().join("picus");
        fs::write(&executable, text)?;
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755))?;
        Ok(executable)
    }

    /// The most memory that the programs in it have had, in bytes, with what the system keeps for them.
    pub(crate) fn most_memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.memory.join("memory.max_usage_in_bytes"))?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// How often the system has ended a program for want of memory.
    pub(crate) fn killed(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.memory.join("memory.oom_control"))?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap_or("0").trim().parse().map_err(io::Error::other)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // One that still has a process stays, which harms nobody.
        let _ = fs::remove_dir(&self.memory);
        let _ = fs::remove_dir(&self.cpu);
    }
}
