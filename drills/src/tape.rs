//! Recorded metrics of a system, and what the alarms do with them.

use std::collections::{BTreeMap, BTreeSet};

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::math::MathError;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::watch::Watch;

use crate::plan::Drill;

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
}

/// What the alarms that stand for themselves did.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Alarms that were not OK before the fault.
    pub early: BTreeSet<String>,
    /// Alarms that fired: after how many minutes, and how many minutes after the end of the fault they were OK.
    pub fired: BTreeMap<String, (usize, Option<usize>)>,
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
        let minutes = [&self.green, &self.fault, &self.after].into_iter().flatten();
        minutes.flat_map(|minute| minute.0.keys())
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
        let mut verdict = Verdict::default();
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
