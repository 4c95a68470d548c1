//! Control groups that give a program as much memory and CPU as a task has (cgroups(7), version 1).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tempfile::TempDir;

const ROOT: &str = "/sys/fs/cgroup";
/// Microseconds in which a program has its share.
const PERIOD_US: u32 = 100_000;

/// Where a program may not have more than this. It goes when this is dropped, and no program is left in it.
#[derive(Debug)]
pub struct ControlGroup {
    memory: PathBuf,
    cpu: PathBuf,
    folder: TempDir,
}

impl ControlGroup {
    /// A group with so many bytes of memory, swap included where it is counted, and so many hundredths of a CPU.
    ///
    /// # Errors
    /// None can be made on this machine.
    pub fn new(memory_bytes: u64, cpu_percent: u32) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("picus-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let of = |controller: &str| Path::new(ROOT).join(controller).join(&name);
        let this = Self { memory: of("memory"), cpu: of("cpu"), folder: tempfile::tempdir()? };
        fs::create_dir(&this.memory)?;
        fs::create_dir(&this.cpu)?;
        fs::write(this.memory.join("memory.limit_in_bytes"), memory_bytes.to_string())?;
        // Linux counts swap only where it was built to.
        let _ =
            fs::write(this.memory.join("memory.memsw.limit_in_bytes"), memory_bytes.to_string());
        fs::write(this.cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        this.limit_cpu(cpu_percent)?;
        // A task has its share whatever else this machine does.
        fs::write(this.cpu.join("cpu.shares"), "262144")?;
        Ok(this)
    }

    /// From now on its programs have so many hundredths of a CPU.
    ///
    /// # Errors
    /// The group is gone.
    pub fn limit_cpu(&self, percent: u32) -> io::Result<()> {
        let quota = PERIOD_US / 100 * percent;
        fs::write(self.cpu.join("cpu.cfs_quota_us"), quota.to_string())
    }

    /// An executable that is `picus`, whose service runs in this group.
    ///
    /// # Errors
    /// It can't be written.
    pub fn executable(&self, picus: &Path) -> io::Result<PathBuf> {
        let text = format!(
            "#!/bin/sh\n[ \"$1\" != service ] || {{ {} }}\nexec {} \"$@\"\n",
            self.enter(),
            quoted(&fs::canonicalize(picus)?),
        );
        let executable = self.folder.path().join("picus");
        fs::write(&executable, text)?;
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755))?;
        Ok(executable)
    }

    /// A program that runs in this group, with the processes that it starts.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{} exec \"$@\"", self.enter()), "sh"]).arg(program);
        command
    }

    /// Shell commands by which a process enters.
    fn enter(&self) -> String {
        let groups = [&self.memory, &self.cpu].map(|group| quoted(&group.join("cgroup.procs")));
        format!("for group in {}; do echo $$ >\"$group\" || exit 1; done;", groups.join(" "))
    }

    /// The processes that are in it.
    ///
    /// # Errors
    /// The group is gone.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let text = fs::read_to_string(self.memory.join("cgroup.procs"))?;
        text.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
    }

    /// The memory that its processes have now, in bytes, without what the system keeps of files.
    ///
    /// # Errors
    /// The group is gone.
    pub fn memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.memory.join("memory.stat"))?;
        let count = text.lines().find_map(|line| line.strip_prefix("rss "));
        count.unwrap_or("0").trim().parse().map_err(io::Error::other)
    }

    /// The most memory that the programs in it have had, in bytes, with what the system keeps for them.
    ///
    /// # Errors
    /// The group is gone.
    pub fn most_memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.memory.join("memory.max_usage_in_bytes"))?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// How often the system has ended a program for want of memory.
    ///
    /// # Errors
    /// The group is gone.
    pub fn killed(&self) -> io::Result<u64> {
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

/// As the shell takes it for one word.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
