//! The metrics of a day of minutes, and what the alarms made of them.

use std::collections::VecDeque;
use std::ops::Range;

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::{History, Minute};
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::math::MathError;
use picus_cloudwatch::watch::{Transition, Watch};

/// The most minutes that are kept.
pub(crate) const DAY: usize = 24 * 60;
/// The most transitions that are kept.
const TRANSITIONS: usize = 2000;

/// A change of an alarm's state, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Counts all changes from 0.
    pub(crate) number: usize,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) transition: Transition,
}

#[derive(Debug)]
pub(crate) struct Store {
    watch: Watch,
    /// When each kept minute ended, in milliseconds since 1970.
    times: VecDeque<u64>,
    changes: VecDeque<Change>,
    changed: usize,
}

impl Store {
    pub(crate) fn new(alarms: Vec<Alarm>) -> Self {
        Self {
            watch: Watch::new(alarms),
            times: VecDeque::new(),
            changes: VecDeque::new(),
            changed: 0,
        }
    }

    /// What other alarms would have made of the same minutes.
    pub(crate) fn replayed(&self, alarms: Vec<Alarm>) -> Result<Self, MathError> {
        let mut other = Self::new(alarms);
        // The clock of alarms that are evaluated once an hour stays as it is.
        for minute in 0..self.minutes() {
            let at = self.ended(minute).unwrap_or_default();
            other.push(&self.history().minute(minute), at)?;
        }
        Ok(other)
    }

    /// Adds a minute that ended at `at`.
    pub(crate) fn push(&mut self, minute: &Minute, at: u64) -> Result<(), MathError> {
        let transitions = self.watch.minute(minute)?;
        self.times.push_back(at);
        while self.times.len() > DAY {
            self.times.pop_front();
        }
        self.watch.forget(self.oldest());
        for transition in transitions {
            self.changes.push_back(Change { number: self.changed, at, transition });
            self.changed += 1;
        }
        while self.changes.len() > TRANSITIONS {
            self.changes.pop_front();
        }
        Ok(())
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn history(&self) -> &History {
        self.watch.history()
    }

    /// The number of minutes that have ended.
    pub(crate) fn minutes(&self) -> usize {
        self.history().minutes()
    }

    /// The first minute that is kept.
    pub(crate) fn oldest(&self) -> usize {
        self.minutes() - self.times.len()
    }

    /// When a minute ended; `None` if it has not, or is forgotten.
    pub(crate) fn ended(&self, minute: usize) -> Option<u64> {
        self.times.get(minute.checked_sub(self.oldest())?).copied()
    }

    /// The time of these minutes, in milliseconds since 1970. The last one is not over before the next has ended.
    pub(crate) fn time(&self, minutes: &Range<usize>) -> Range<u64> {
        let before = minutes.start.checked_sub(1).and_then(|minute| self.ended(minute));
        let is_now = minutes.end == self.minutes();
        let last = minutes.end.checked_sub(1).and_then(|minute| self.ended(minute));
        before.unwrap_or(0)..last.filter(|_| !is_now).unwrap_or(u64::MAX)
    }

    /// The alarms that stand for themselves. The others are parts of composite ones.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Alarm> + Clone {
        self.watch.alarms().iter().filter(|alarm| alarm.fires_within.is_some())
    }

    /// How many changes there were.
    pub(crate) fn changed(&self) -> usize {
        self.changed
    }

    /// An alarm's state when a minute had ended, with the change that led to it, if there was one.
    pub(crate) fn state(&self, alarm: &str, minute: usize) -> (State, Option<&Change>) {
        let mut own = self.changes.iter().rev().filter(|change| change.transition.alarm == alarm);
        let before = own.clone().find(|change| change.transition.minute <= minute);
        // Before the first change that is kept, it was in the state that this one left.
        let state = match (before, own.next_back()) {
            (Some(change), _) => change.transition.to,
            (None, Some(first)) => first.transition.from,
            (None, None) => self.watch.state(alarm).unwrap_or(State::InsufficientData),
        };
        (state, before)
    }

    /// The changes, oldest first.
    pub(crate) fn changes(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.changes.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use picus_cloudwatch::data::Datum;
    use picus_cloudwatch::metric::{Metric, Statistic};

    use super::*;

    /// Prints how much memory a day takes at ten thousand requests a second, for docs/CONSOLE.md.
    #[test]
    #[ignore = "takes hundreds of megabytes: run it alone"]
    fn the_memory_of_a_day_of_minutes() {
        // What the system reports with all its faults on, and those of its metrics that are durations.
        const METRICS: usize = 300;
        const DURATIONS: usize = 30;
        let resident = || picus_local::memory::resident_bytes(std::process::id()).unwrap();
        let name = |number: usize| Metric::new("N", &format!("m{number}"), &[("a", "b")]);
        // A minute's durations, from a tenth of a millisecond to ten seconds.
        let values: Vec<f64> =
            (0..600_000).map(|at| 10.0_f64.powf(f64::from(at) / 120_000.0 - 4.0)).collect();
        let mut many = Datum::of(&values).unwrap();
        many.compact();
        let (before, mut store) = (resident(), Store::new(Vec::new()));
        for number in 0..DAY {
            let datum = |metric| {
                if metric < DURATIONS { many.clone() } else { Datum::of(&[1.0]).unwrap() }
            };
            let all = (0..METRICS).map(|metric| (name(metric), Arc::new(datum(metric))));
            store.push(&Minute(all.collect()), number as u64).unwrap();
        }
        let mib = (resident() - before) / 1024 / 1024;
        println!("{METRICS} metrics, {DURATIONS} of {} values each: {mib} MiB", many.size());
        assert_eq!(store.minutes(), DAY);
    }

    #[test]
    fn a_day_of_minutes_is_kept_and_no_more() {
        let metric = Metric::new("N", "m", &[]);
        let mut store = Store::new(Vec::new());
        for number in 0..DAY + 10 {
            let datum = Datum::of(&[1.0]).map(Arc::new);
            let minute = Minute(datum.map(|datum| (metric.clone(), datum)).into_iter().collect());
            store.push(&minute, number as u64).unwrap();
        }
        assert_eq!((store.oldest(), store.minutes()), (10, DAY + 10));
        let all = store.history().statistic(&metric, Statistic::Sum, DAY + 10, DAY + 10);
        assert_eq!(all, Some(1440.0));
        assert_eq!(
            (store.ended(9), store.ended(10), store.ended(DAY + 10)),
            (None, Some(10), None)
        );
    }
}
