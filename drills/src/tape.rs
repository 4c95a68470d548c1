//! Recorded metrics of a system, and what the alarms do with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::math::MathError;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::watch::Watch;

use crate::clients::{self, Compared, Seen, Sli};
use crate::plan::Drill;
use crate::solver::Evidence;
use crate::stage::Line;

/// The alarms that roll a deployment back, one a line, as deployed.
const ROLLBACK_ALARMS: &str = include_str!("../../dashboards/rollback-alarms.yaml");

/// The recorded minutes before the fault.
pub(crate) const CALM: usize = 6;
/// The longest wait until alarms end: longer than their longest window.
const PATIENCE: usize = 3 * 24 * 60 + 60;

/// What a system reported before, during and after a fault.
#[derive(Debug)]
pub struct Tape {
    pub(crate) green: Vec<Minute>,
    pub(crate) fault: Vec<Minute>,
    pub(crate) after: Vec<Minute>,
    /// A minute without requests. Metrics of the last ones may come in it.
    pub(crate) rest: Vec<Minute>,
    /// What the clients saw of all requests.
    pub seen: Vec<Seen>,
    /// The longest that a client waited while all was well: what this machine adds to every request.
    pub(crate) overhead: Duration,
    /// The programs' lines during the fault.
    pub(crate) lines: Vec<Line>,
}

/// What the alarms that stand for themselves did.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Alarms that were not OK before the fault.
    pub early: BTreeSet<String>,
    /// Alarms that fired: after how many minutes, and how many minutes after the end of the fault they were OK.
    pub fired: BTreeMap<String, (usize, Option<usize>)>,
    /// For each alarm that the drill is for: the cause to which its runbook leads, or why it leads to none.
    pub causes: Vec<(String, Result<String, String>)>,
    /// What the SLIs say, beside what the clients saw.
    pub slis: Vec<Compared>,
    /// The first alarm that rolls a deployment back, and after how many minutes.
    pub rolled_back: Option<(String, usize)>,
}

/// The minutes as they were, and then their last half, repeated.
fn looped(minutes: &[Minute]) -> impl Iterator<Item = &Minute> {
    minutes.iter().chain(minutes[minutes.len() / 2..].iter().cycle())
}

fn rolls_back(alarm: &str) -> bool {
    ROLLBACK_ALARMS.lines().filter_map(|line| line.strip_prefix("- ")).any(|name| name == alarm)
}

impl Tape {
    /// All metrics that the system reported.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.minutes().flat_map(|minute| minute.0.keys())
    }

    fn minutes(&self) -> impl Iterator<Item = &Minute> {
        [&self.green, &self.fault, &self.after, &self.rest].into_iter().flatten()
    }

    /// Plays the recording to the alarms.
    ///
    /// # Errors
    /// An expression that has no value.
    pub fn play(&self, drill: &Drill, alarms: &[Alarm]) -> Result<Verdict, MathError> {
        let own = |alarm: &str| {
            alarms.iter().any(|known| known.name == alarm && known.fires_within.is_some())
        };
        let mut watch = Watch::new(alarms.to_vec());
        let slis =
            clients::compare(&self.seen, drill.limit(), self.overhead, self.minutes(), alarms)?;
        let mut verdict = Verdict { slis, ..Verdict::default() };
        for minute in looped(&self.green).take(drill.calm) {
            let fired =
                watch.minute(minute)?.into_iter().filter(|change| change.to == State::Alarm);
            verdict.early.extend(fired.map(|change| change.alarm).filter(|alarm| own(alarm)));
        }
        let unknown = alarms.iter().filter(|alarm| watch.state(&alarm.name) != Some(State::Ok));
        verdict.early.extend(unknown.map(|alarm| alarm.name.clone()));
        for (number, minute) in looped(&self.fault).take(drill.lasts).enumerate() {
            for change in watch.minute(minute)? {
                if change.to == State::Alarm && rolls_back(&change.alarm) {
                    verdict.rolled_back.get_or_insert_with(|| (change.alarm.clone(), number + 1));
                }
                if change.to == State::Alarm && own(&change.alarm) {
                    verdict.fired.entry(change.alarm).or_insert((number + 1, None));
                }
            }
        }
        for (number, minute) in looped(&self.after).take(PATIENCE).enumerate() {
            watch.minute(minute)?;
            for (alarm, (_, ended)) in &mut verdict.fired {
                // What the fault left behind may make it fire once more.
                let is_ok = watch.state(alarm) == Some(State::Ok);
                *ended = is_ok.then(|| ended.unwrap_or(number + 1));
            }
            if verdict.fired.values().all(|(_, ended)| ended.is_some()) && number > 10 {
                break;
            }
        }
        let mut evidence = Evidence::of(&self.lines, &self.green, &self.fault);
        evidence.alarms = verdict.fired.keys().cloned().collect();
        let solved = drill.alarms.iter().map(|alarm| ((*alarm).to_owned(), evidence.cause(alarm)));
        verdict.causes = solved.collect();
        Ok(verdict)
    }
}

impl Verdict {
    /// Everything that is not as it should be.
    #[must_use]
    pub fn faults(&self, drill: &Drill, alarms: &[Alarm]) -> Vec<String> {
        let mut faults: Vec<_> =
            self.early.iter().map(|alarm| format!("{alarm} was not OK before the fault")).collect();
        let expected: Vec<&str> = drill
            .alarms
            .iter()
            .copied()
            .chain(drill.others.iter().map(|(alarm, _)| *alarm))
            .collect();
        for alarm in &expected {
            if !self.fired.contains_key(*alarm) {
                faults.push(format!("{alarm} did not fire"));
            }
        }
        let rolled_back_by = self.rolled_back.as_ref().map(|(alarm, _)| alarm.as_str());
        if let Some(expected) = drill.rolled_back_by
            && rolled_back_by != Some(expected)
        {
            faults.push(format!("{expected} does not roll the deployment back"));
        }
        let differs = |sli: Sli| drill.differs.iter().any(|(known, _)| *known == sli);
        let wrong =
            self.slis.iter().filter(|compared| !compared.agrees() && !differs(compared.sli));
        faults.extend(wrong.map(|compared| format!("clients: {compared}")));
        for (alarm, found) in &self.causes {
            let (Ok(found) | Err(found)) = found;
            if found != drill.cause {
                faults.push(format!(
                    "{alarm}: its runbook leads to: {found}; it is: {}",
                    drill.cause
                ));
            }
        }
        let perhaps = |alarm: &str| drill.perhaps.iter().any(|(known, _)| *known == alarm);
        for (alarm, (after, ended)) in &self.fired {
            if !expected.contains(&alarm.as_str()) && !perhaps(alarm) {
                faults.push(format!(
                    "{alarm} fired, after {after} minutes, and the drill does not say why"
                ));
            }
            if ended.is_none() {
                faults.push(format!("{alarm} did not end"));
            }
            let promised = alarms
                .iter()
                .find(|known| known.name == *alarm)
                .and_then(|known| known.fires_within);
            if let Some(promised) = promised
                .filter(|promised| drill.alarms.contains(&alarm.as_str()) && after > promised)
            {
                faults.push(format!("{alarm} fired after {after} minutes and promises {promised}"));
            }
        }
        faults
    }
}
