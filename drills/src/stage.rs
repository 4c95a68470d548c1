//! The system of a drill, and everything that is done to it.

use std::path::PathBuf;
use std::time::Duration;
use std::{iter, mem};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{self, Instant};

use crate::clients::Seen;
use crate::cpu::{self, Shortage};
use crate::cpu_use::CpuUse;
use crate::exemplars::{self, Exemplar, OPEN_METRICS};
use crate::metrics::{self, Wanted};
use crate::percentiles::Percentiles;
use crate::plan::{Drill, FUNCTION_TIMEOUT, Fault, SETTINGS};
use crate::releases::Releases;
use crate::scrape::{CONFIGURATION, Scraper};
use crate::traffic::{Client, NORMAL, Traffic};
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::math::MathError;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_cloudwatch::template::{self, TemplateError};
use picus_local::dynamodb::DynamoDbFault;
use picus_local::output::Output;
use picus_local::tasks::Task;
use picus_local::traces::Distribution;
use picus_local::{Options, StartError, System};

/// Why a drill could not run.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The system did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The collector's configuration can't be read.
    #[error(transparent)]
    Configuration(#[from] TemplateError),
    /// The alarms can't be evaluated.
    #[error(transparent)]
    Math(#[from] MathError),
}

/// The shortest minute: some health checks long.
const MINUTE: Duration = Duration::from_millis(125);
/// How long after the last response a minute ends. The delete handler's metrics come after its response.
const SETTLE: Duration = Duration::from_millis(50);
/// The longest time until the system has recovered after the fault.
const RECOVERY: Duration = Duration::from_secs(30);
const TASKS: u32 = 2;

/// A program's name, and one of its lines.
pub(crate) type Line = (&'static str, String);

/// A system, with the stand-ins for what AWS runs beside it: the collector, and what counts tasks and memory.
pub struct Stage {
    system: System,
    metrics: MetricSink,
    client: Client,
    scraper: Scraper,
    percentiles: Percentiles,
    /// How many tasks have no collector.
    unread: usize,
    wanted: Wanted,
    releases: Releases,
    /// The fault whose release runs.
    deployed: Option<Fault>,
    cpu_use: CpuUse,
    shortage: Option<Shortage>,
    seen: Vec<Seen>,
    /// The programs' lines, if somebody reads them.
    lines: Option<UnboundedReceiver<Line>>,
}

impl Stage {
    pub(crate) async fn set(drill: &Drill, executable: PathBuf) -> Result<Self, DrillError> {
        let metrics = MetricSink::on();
        let (output, lines) = unbounded_channel();
        let settings = SETTINGS.iter().chain(drill.settings);
        let options = Options {
            tasks: TASKS as usize,
            function_timeout: Some(Duration::from_secs(FUNCTION_TIMEOUT)),
            // So few that a small flood exceeds it.
            function_concurrency: Some(10),
            executable,
            output: Output::Sent(output),
            metrics: metrics.clone(),
            health_check_interval: Duration::from_millis(40),
            environment: settings
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Options::default()
        };
        let mut stage = Self::of(System::start(options).await?, metrics)?;
        stage.lines = Some(lines);
        // Cold starts and first connections are not part of the drill.
        stage.minutes(2, NORMAL).await;
        Ok(stage)
    }

    /// A system that runs, and that reports to `metrics`.
    ///
    /// # Errors
    /// The collector's configuration can't be read.
    pub fn of(system: System, metrics: MetricSink) -> Result<Self, DrillError> {
        let tasks = u32::try_from(system.tasks().len()).unwrap_or(u32::MAX);
        let wanted = Wanted { tasks, memory: memory(&system), cpus: cpus(&system) };
        let configuration = template::read(CONFIGURATION)?;
        let refused = || TemplateError::NotUnderstood("otel-collector.yaml".into());
        Ok(Self {
            system,
            metrics,
            client: Client::new(),
            scraper: Scraper::read(&configuration).ok_or_else(refused)?,
            percentiles: Percentiles::read(&configuration).ok_or_else(refused)?,
            unread: 0,
            wanted,
            releases: Releases::new(),
            deployed: None,
            cpu_use: CpuUse::new(),
            shortage: None,
            seen: Vec::new(),
            lines: None,
        })
    }

    /// The system.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The service's releases.
    #[must_use]
    pub fn releases(&self) -> Releases {
        self.releases
    }

    /// How many tasks the system should have.
    #[must_use]
    pub fn wanted_tasks(&self) -> u32 {
        self.wanted.tasks
    }

    /// Lets this many minutes pass, and returns what was reported.
    pub(crate) async fn minutes(&mut self, count: usize, traffic: Traffic) -> Vec<Minute> {
        let mut minutes = Vec::new();
        for _ in 0..count {
            let least = Instant::now() + MINUTE;
            // Twice a minute, as in `otel-collector.yaml`.
            self.scrape().await;
            self.seen.extend(self.client.send(self.system.address(), traffic).await);
            time::sleep_until(least.max(Instant::now() + SETTLE)).await;
            self.scrape().await;
            minutes.push(self.end_minute());
        }
        minutes
    }

    /// Returns what the clients have seen since this was last called.
    pub(crate) fn take_seen(&mut self) -> Vec<Seen> {
        mem::take(&mut self.seen)
    }

    /// Returns the programs' lines since this was last called.
    pub(crate) fn take_lines(&mut self) -> Vec<Line> {
        let lines = self.lines.as_mut();
        lines.map(|lines| iter::from_fn(|| lines.try_recv().ok()).collect()).unwrap_or_default()
    }

    /// Ends the minute, and returns what was reported in it.
    #[must_use]
    pub fn end_minute(&mut self) -> Minute {
        metrics::report(&self.metrics, &self.system, self.wanted, &mut self.cpu_use);
        self.metrics.minute()
    }

    /// Reads the tasks' metrics, as the collector does twice a minute.
    pub async fn scrape(&mut self) {
        let running = self.system.tasks().iter().filter_map(Task::running_now);
        for task in running.skip(self.unread) {
            self.scraper.scrape(&self.metrics, &self.client, task).await;
        }
    }

    /// Reports distributions that the service sent to its collectors. They do not say which task they are of, so they
    /// are lost only when no task has a collector.
    pub fn receive(&self, distributions: &[Distribution]) {
        if self.unread < self.system.tasks().len() {
            for distribution in distributions {
                self.percentiles.report(&self.metrics, distribution);
            }
        }
    }

    /// What the tasks measured at this time or later, in milliseconds since 1970, with the traces of these requests.
    pub async fn exemplars(&self, since: u64) -> Vec<Exemplar> {
        let mut found = Vec::new();
        for task in self.system.tasks().iter().filter_map(Task::running_now) {
            let url = format!("http://{}/metrics", task.metrics_address);
            // The task may have just ended.
            let page = self.client.get_text(&url, OPEN_METRICS).await.unwrap_or_default();
            found.extend(exemplars::exemplars(&page, since));
        }
        found
    }

    /// Begins a fault.
    ///
    /// # Errors
    /// The tasks of a bad deployment are not healthy in time.
    pub async fn begin(&mut self, fault: Fault) -> Result<(), DrillError> {
        match fault {
            Fault::None => {}
            Fault::DynamoDb(fault) => self.system.dynamodb_fault(Some(fault)),
            Fault::Handler(fault) => self.system.function().set_fault(Some(fault)),
            Fault::HandlerUnheard => self.metrics.lose_lines(true),
            Fault::TasksGone => self.stop_tasks(self.system.tasks().len()).await,
            Fault::TaskGone => self.stop_tasks(1).await,
            Fault::BadDeployment(settings) => self.deploy(fault, settings).await?,
            Fault::SlowDeployment(time) => {
                self.deploy(fault, &[]).await?;
                self.system.dynamodb_fault(Some(DynamoDbFault::Slow(1, time)));
            }
            Fault::MemoryShort => {
                let running = self.system.tasks().iter().filter_map(Task::running_now);
                let most = running.filter_map(|task| metrics::resident_bytes(task.pid));
                // A task definition with hardly more memory than the task uses.
                self.wanted.memory = most.fold(0.0, f64::max) * 1.08;
            }
            Fault::CpuShort => {
                let running = self.system.tasks().iter().filter_map(Task::running_now);
                self.shortage = Some(Shortage::of(running.map(|task| task.pid)));
                self.wanted.cpus = cpus(&self.system) * cpu::share();
            }
            Fault::CollectorsGone(count) => self.unread = count,
        }
        Ok(())
    }

    /// Ends the fault, and all others with it. Waits until the system has recovered.
    ///
    /// # Errors
    /// It has not recovered in time.
    pub async fn end(&mut self, fault: Fault) -> Result<(), DrillError> {
        self.system.dynamodb_fault(None);
        self.system.function().set_fault(None);
        self.metrics.lose_lines(false);
        self.wanted.memory = memory(&self.system);
        self.wanted.cpus = cpus(&self.system);
        self.unread = 0;
        if let Some(shortage) = self.shortage.take() {
            shortage.end().await;
        }
        if self.deployed == Some(fault) {
            self.deployed = None;
            self.releases.roll_back();
            self.stop_tasks(self.system.tasks().len()).await;
        }
        self.fill();
        self.until_healthy().await
    }

    /// Replaces all tasks by those of a new release, unless it runs. They are healthy, as the tasks of a bad release
    /// are.
    async fn deploy(
        &mut self,
        fault: Fault,
        settings: &'static [(&str, &str)],
    ) -> Result<(), DrillError> {
        if self.deployed.replace(fault) == Some(fault) {
            return Ok(());
        }
        self.releases.deploy(settings);
        self.stop_tasks(self.system.tasks().len()).await;
        self.fill();
        self.until_healthy().await
    }

    /// Starts tasks of the release that runs, until there are as many as wanted.
    fn fill(&mut self) {
        let environment = self.releases.current.environment();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        while self.system.tasks().len() < self.wanted.tasks as usize {
            self.system.add_task(&environment);
        }
    }

    async fn until_healthy(&self) -> Result<(), DrillError> {
        let until = Instant::now() + RECOVERY;
        while self.system.group().healthy().len() < self.wanted.tasks as usize {
            if Instant::now() > until {
                return Err(StartError::Service.into());
            }
            time::sleep(MINUTE).await;
        }
        Ok(())
    }

    /// Stops the system.
    pub async fn clear(self) {
        self.system.stop().await;
    }

    async fn stop_tasks(&mut self, count: usize) {
        let count = count.min(self.system.tasks().len());
        let tasks: Vec<_> = self.system.tasks_mut().drain(..count).collect();
        for task in tasks {
            task.stop().await;
        }
    }
}

/// How many CPUs a task may use.
fn cpus(system: &System) -> f64 {
    f64::from(system.deployment().service.task.cpu_units) / 1024.0
}

/// A task's memory in bytes.
fn memory(system: &System) -> f64 {
    f64::from(system.deployment().service.task.memory_mib) * 1024.0 * 1024.0
}
