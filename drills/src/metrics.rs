//! The metrics that AWS reports every minute about targets and tasks.

use crate::cpu_use::CpuUse;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::System;
use picus_local::deployment::Service;
use picus_local::load_balancer::metrics::report_health;
use picus_local::memory;
use picus_local::tasks::Task;

/// What the service should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// How many tasks should run.
    pub(crate) tasks: u32,
    /// The memory of each task, in bytes.
    pub(crate) memory: f64,
    /// How many CPUs each task may use.
    pub(crate) cpus: f64,
}

/// Reports healthy targets, running tasks, memory, and CPU.
pub(crate) fn report(metrics: &MetricSink, system: &System, wanted: Wanted, cpu: &mut CpuUse) {
    let deployment = system.deployment();
    let Service { cluster, name: service, .. } = &deployment.service;
    report_health(metrics, &deployment.load_balancer.attributes.full_name, system.group());
    let record = |namespace: &str, name: &str, value: f64| {
        let dimensions = &[("ClusterName", cluster.as_str()), ("ServiceName", service.as_str())];
        metrics.record(Metric::new(namespace, name, dimensions), value);
    };
    let running: Vec<_> = system.tasks().iter().filter_map(Task::running_now).collect();
    let count = u32::try_from(running.len()).unwrap_or(u32::MAX);
    record("ECS/ContainerInsights", "DesiredTaskCount", wanted.tasks.into());
    record("ECS/ContainerInsights", "RunningTaskCount", count.into());
    let pending = u32::try_from(system.tasks().len()).unwrap_or(u32::MAX).saturating_sub(count);
    record("ECS/ContainerInsights", "PendingTaskCount", pending.into());
    // The tasks of the release before have stopped when those of the next one start.
    record("ECS/ContainerInsights", "DeploymentCount", 1.0);
    for used in cpu.read(running.iter().map(|task| task.pid)) {
        record("AWS/ECS", "CPUUtilization", 100.0 * used / wanted.cpus);
    }
    for task in running {
        if let Some(bytes) = resident_bytes(task.pid) {
            record("AWS/ECS", "MemoryUtilization", 100.0 * bytes / wanted.memory);
        }
    }
}

/// A process' physical memory; `None` if it has just ended.
#[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
pub(crate) fn resident_bytes(pid: u32) -> Option<f64> {
    memory::resident_bytes(pid).map(|bytes| bytes as f64)
}
