//! What AWS reports once a minute of whatever runs.

use std::fs;

use crate::System;
use crate::cloudwatch::meter::Meter;
use crate::cloudwatch::metric::Metric;
use crate::load_balancer::metrics::report_health;
use crate::names::{CLUSTER, SERVICE, SERVICE_GROUP};
use crate::tasks::Task;

/// What the service was told to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// How many tasks there are to be.
    pub(super) tasks: u32,
    /// The memory that each may have, in bytes.
    pub(super) memory: f64,
}

/// Healthy targets, the tasks of the service, and their memory.
pub(super) fn report(meter: &Meter, system: &System, wanted: Wanted) {
    report_health(meter, SERVICE_GROUP, system.group());
    let record = |namespace: &str, name: &str, value: f64| {
        let dimensions = &[("ClusterName", CLUSTER), ("ServiceName", SERVICE)];
        meter.record(Metric::new(namespace, name, dimensions), value);
    };
    let running: Vec<_> = system.tasks().iter().filter_map(Task::running_now).collect();
    let count = u32::try_from(running.len()).unwrap_or(u32::MAX);
    record("ECS/ContainerInsights", "DesiredTaskCount", wanted.tasks.into());
    record("ECS/ContainerInsights", "RunningTaskCount", count.into());
    for task in running {
        if let Some(bytes) = resident_bytes(task.pid) {
            record("AWS/ECS", "MemoryUtilization", 100.0 * bytes / wanted.memory);
        }
    }
}

/// The physical memory of a process; none of one that has just ended.
pub(super) fn resident_bytes(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.split_whitespace().next()?.parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}
