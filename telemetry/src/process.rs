//! Samples the process's use of CPU and memory, and how busy the request threads are. Sampling by time is cheaper
//! than measuring at each request.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::RuntimeMetrics;

use crate::usage::{Cpu, Usage};
use picus_catalogue as catalogue;

/// The runtimes that are watched, and their last sample.
#[derive(Debug)]
pub(crate) struct Sampler {
    started: Instant,
    runtimes: Mutex<Vec<RuntimeMetrics>>,
    last: Mutex<Last>,
}

/// The last sample.
#[derive(Debug)]
struct Last {
    at: Instant,
    cpu: Cpu,
    busy: Duration,
}

impl Sampler {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let last = Last { at: now, cpu: Cpu::default(), busy: Duration::ZERO };
        Self { started: now, runtimes: Mutex::default(), last: Mutex::new(last) }
    }

    /// Watches `runtime` from now on.
    pub(crate) fn watch(&self, runtime: RuntimeMetrics) {
        self.runtimes.lock().push(runtime);
    }

    /// Sets the gauges.
    pub(crate) fn sample(&self) {
        set(&catalogue::PROCESS_UPTIME, self.started.elapsed().as_secs_f64());
        let (busy, workers) = self.runtimes();
        let usage = Usage::read();
        if let Some(Usage { memory_bytes, file_descriptors, .. }) = usage {
            set(&catalogue::PROCESS_MEMORY_USAGE, as_f64(memory_bytes));
            set(&catalogue::PROCESS_FILE_DESCRIPTORS, as_f64(file_descriptors));
        }
        let cpu = usage.map(|usage| usage.cpu);
        let mut last = self.last.lock();
        let now = Instant::now();
        let wall = now.duration_since(last.at).as_secs_f64();
        if wall > 0.0 {
            let cpus = thread::available_parallelism().map_or(1, usize::from);
            let share = |spent: Duration, before: Duration, of: usize| {
                spent.saturating_sub(before).as_secs_f64() / (wall * as_f64(of.max(1) as u64))
            };
            if let Some(cpu) = cpu {
                let used = |mode: &'static str, spent, before| {
                    metrics::gauge!(catalogue::PROCESS_CPU_UTILIZATION.name, "cpu_mode" => mode)
                        .set(share(spent, before, cpus));
                };
                used("user", cpu.user, last.cpu.user);
                used("system", cpu.system, last.cpu.system);
            }
            set(&catalogue::RUNTIME_UTILIZATION, share(busy, last.busy, workers));
        }
        *last = Last { at: now, cpu: cpu.unwrap_or_default(), busy };
    }

    fn runtimes(&self) -> (Duration, usize) {
        let runtimes = self.runtimes.lock();
        let sum = |read: fn(&RuntimeMetrics) -> usize| runtimes.iter().map(read).sum::<usize>();
        let gauge =
            |metric, read: fn(&RuntimeMetrics) -> usize| set(metric, as_f64(sum(read) as u64));
        gauge(&catalogue::RUNTIME_WORKERS, RuntimeMetrics::num_workers);
        gauge(&catalogue::RUNTIME_ALIVE_TASKS, RuntimeMetrics::num_alive_tasks);
        gauge(&catalogue::RUNTIME_QUEUE_DEPTH, RuntimeMetrics::global_queue_depth);
        let busy = |runtime: &RuntimeMetrics| -> Duration {
            (0..runtime.num_workers()).map(|at| runtime.worker_total_busy_duration(at)).sum()
        };
        (runtimes.iter().map(busy).sum(), sum(RuntimeMetrics::num_workers))
    }
}

fn set(metric: &catalogue::Metric, value: f64) {
    metrics::gauge!(metric.name).set(value);
}

/// Exact: no count here reaches 2^52.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
