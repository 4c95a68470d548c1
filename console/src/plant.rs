//! The system that is shown, with everything that the console does to it: its clock, its traffic, its faults.

use std::time::{Duration, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};
use parking_lot::{Mutex, RwLock};
use picus_cloudwatch::alarm::State;
use picus_cloudwatch::definition;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_cloudwatch::template::{self, Parameters};
use picus_drills::{self as drills, Drill, DrillError, Releases, Stage};
use picus_local::System;
use picus_local::tasks::{Running, Task};
use picus_local::traces::Distribution;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::answer::Refusal;
use crate::clients::{self, Clients, Level};
use crate::clock::{Clock, Due, Hand, now_ms};
use crate::error::StartError;
use crate::exemplars::Exemplars;
use crate::logs::Logs;
use crate::run::{self, Run};
use crate::store::{Change, Store};
use crate::traces::Traces;

/// How exact the clock is.
const TICK: Duration = Duration::from_millis(100);

/// What can be set, and is set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Controls {
    pub(crate) clock: Clock,
    pub(crate) level: Level,
    /// The drills whose faults are on.
    pub(crate) faults: Vec<&'static Drill>,
}

/// What is known of the system without waiting for it.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) load_balancer: String,
    pub(crate) dynamodb: String,
    pub(crate) tasks: Vec<Running>,
    pub(crate) wanted_tasks: u32,
    pub(crate) healthy: usize,
    pub(crate) releases: Releases,
}

pub(crate) struct Plant {
    /// `None` when it has been stopped.
    stage: tokio::sync::Mutex<Option<Stage>>,
    pub(crate) clients: Clients,
    pub(crate) controls: Mutex<Controls>,
    pub(crate) facts: RwLock<Facts>,
    pub(crate) store: RwLock<Store>,
    /// The values of the alarms' template, for this system.
    pub(crate) parameters: Parameters,
    /// The values of the dashboards.
    pub(crate) names: Parameters,
    pub(crate) logs: Logs,
    pub(crate) traces: Traces,
    pub(crate) exemplars: Exemplars,
    pub(crate) practice: Mutex<Option<Run>>,
    /// Told with each change; `false` when everything stops.
    pub(crate) changed: watch::Sender<bool>,
}

impl Plant {
    pub(crate) fn new(system: System, metrics: MetricSink) -> Result<Self, StartError> {
        let mut parameters = drills::parameters()?;
        let timeout = system.deployment().function.timeout.as_secs();
        parameters.insert("FunctionTimeoutSeconds".to_owned(), json!(timeout));
        let names = names(&system, &parameters);
        let resources = template::resources(drills::TEMPLATE, &parameters)?;
        let store = Store::new(definition::alarms(&resources)?);
        let clients = Clients::new(system.address(), metrics.clone());
        let stage = Stage::of(system, metrics)?;
        let facts = facts(&stage);
        Ok(Self {
            stage: tokio::sync::Mutex::new(Some(stage)),
            clients,
            controls: Mutex::default(),
            facts: RwLock::new(facts),
            store: RwLock::new(store),
            names,
            parameters,
            logs: Logs::default(),
            traces: Traces::default(),
            exemplars: Exemplars::default(),
            practice: Mutex::default(),
            changed: watch::Sender::new(true),
        })
    }

    /// Lets minutes pass, and clients come, until this is dropped.
    pub(crate) async fn run(&self) {
        tokio::join!(self.minutes(), self.clients.clone().send(|| self.level()));
    }

    /// Reports the distributions that the service sends.
    pub(crate) async fn receive(&self, deliveries: &mut mpsc::Receiver<Vec<Distribution>>) {
        while let Some(distributions) = deliveries.recv().await {
            if let Some(stage) = self.stage.lock().await.as_ref() {
                stage.receive(&distributions);
            }
        }
    }

    /// No clients come while the clock stands still.
    fn level(&self) -> Level {
        let controls = self.controls.lock();
        if controls.clock.running { controls.level } else { Level::None }
    }

    async fn minutes(&self) {
        let (mut hand, mut last, mut read) = (Hand::default(), Instant::now(), now_ms());
        let mut ticks = time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (clock, now) = (self.controls.lock().clock, Instant::now());
            let due = hand.pass(now - last, clock);
            last = now;
            if due == Due::Nothing {
                continue;
            }
            let mut stage = self.stage.lock().await;
            let Some(stage) = stage.as_mut() else { return };
            stage.scrape().await;
            if due == Due::End {
                *self.facts.write() = facts(stage);
                let since = std::mem::replace(&mut read, now_ms());
                self.exemplars.keep(stage.exemplars(since).await);
                let minute = stage.end_minute();
                // An expression of the alarms that can't be evaluated would fail in their tests.
                let _ = self.store.write().push(&minute, now_ms());
                self.look();
                self.tell();
            }
        }
    }

    /// Tells the readers of events that something changed.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(true);
    }

    /// Tells a practice what the last minute showed.
    fn look(&self) {
        let mut practice = self.practice.lock();
        let Some(run) = practice.as_mut() else { return };
        let store = self.store.read();
        let number = store.minutes();
        let is_new = |change: &Change| change.transition.minute > run.began();
        let pages = store.own().any(|alarm| {
            let (state, change) = store.state(&alarm.name, number);
            state == State::Alarm && change.is_some_and(is_new)
        });
        let lost = clients::lost(store.history(), number);
        run.minute(&run::Minute { number, pages, lost });
    }

    /// The faults of the practice that runs.
    pub(crate) fn hidden(&self) -> Option<Vec<&'static Drill>> {
        let practice = self.practice.lock();
        practice.as_ref().filter(|run| !run.is_over()).map(|run| run.on.clone())
    }

    /// Begins a practice.
    pub(crate) fn begin(&self, run: Run) {
        *self.practice.lock() = Some(run);
        self.tell();
    }

    /// Does something in the practice that runs, in this minute.
    pub(crate) fn practise(&self, what: impl FnOnce(&mut Run, usize)) -> Result<(), Refusal> {
        let minute = self.store.read().minutes();
        let mut practice = self.practice.lock();
        let run = practice.as_mut().filter(|run| !run.is_over());
        let run = run.ok_or_else(|| Refusal::NotNow("nothing is practised".to_owned()))?;
        what(run, minute);
        drop(practice);
        self.tell();
        Ok(())
    }

    /// Begins a drill's fault, or ends it.
    pub(crate) async fn fault(&self, drill: &'static Drill, on: bool) -> Result<(), Refusal> {
        let mut stage = self.stage.lock().await;
        let stage = stage.as_mut().ok_or_else(stopped)?;
        let mut faults = self.controls.lock().faults.clone();
        let is_on = faults.iter().any(|known| known.fault == drill.fault);
        if is_on == on {
            return Ok(());
        }
        let outcome = if on {
            faults.push(drill);
            stage.begin(drill.fault).await
        } else {
            faults.retain(|known| known.fault != drill.fault);
            end(stage, drill, &faults).await
        };
        self.controls.lock().faults = faults;
        *self.facts.write() = facts(stage);
        self.tell();
        outcome.map_err(|error| Refusal::Gateway(error.to_string()))
    }

    /// Ends every stream of events, and stops the system.
    pub(crate) async fn stop(&self) {
        self.changed.send_replace(false);
        if let Some(stage) = self.stage.lock().await.take() {
            stage.clear().await;
        }
    }
}

/// Ends one fault. That ends all, so the others begin again.
async fn end(stage: &mut Stage, one: &Drill, others: &[&Drill]) -> Result<(), DrillError> {
    stage.end(one.fault).await?;
    for other in others {
        stage.begin(other.fault).await?;
    }
    Ok(())
}

/// What the dashboards of this system are filled with, beside the parameters of the alarms.
fn names(system: &System, parameters: &Parameters) -> Parameters {
    let deployment = system.deployment();
    let deployed = DateTime::from(SystemTime::now()).fmt(Format::DateTime);
    let names = [
        ("ClusterName", deployment.service.cluster.clone()),
        ("ServiceName", deployment.service.name.clone()),
        ("FunctionName", deployment.function.name.clone()),
        ("TableName", deployment.table.name.clone()),
        ("DeployedAt", deployed.unwrap_or_default()),
        ("AWS::Region", template::REGION.to_owned()),
        ("AWS::AccountId", template::ACCOUNT.to_owned()),
        ("AWS::Partition", "aws".to_owned()),
    ];
    let names = names.into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
    parameters.clone().into_iter().chain(names).collect()
}

fn stopped() -> Refusal {
    Refusal::NotNow("the system stops".to_owned())
}

fn facts(stage: &Stage) -> Facts {
    let system = stage.system();
    Facts {
        load_balancer: format!("http://{}", system.address()),
        dynamodb: system.dynamodb_endpoint().to_owned(),
        tasks: system.tasks().iter().filter_map(Task::running_now).collect(),
        wanted_tasks: stage.wanted_tasks(),
        healthy: system.group().healthy().len(),
        releases: stage.releases(),
    }
}
