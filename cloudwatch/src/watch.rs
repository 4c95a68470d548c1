//! Alarms over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alarm::{Missing, State};
use crate::data::{Datum, History, Minute};
use crate::definition::{Alarm, Kind, MetricAlarm, Source};
use crate::math::{Fill, MathError, Named, Series, Value};
use crate::metric::Metric;
use crate::publication::{Publication, Reading};
use crate::reason;

/// A day in seconds.
const DAY: usize = 24 * 60 * 60;

/// An alarm that changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Transition {
    /// The minute in which it changed.
    pub minute: usize,
    pub alarm: String,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why, in the words of CloudWatch.
    pub reason: String,
}

/// Alarms, and the data that they have seen.
#[derive(Debug)]
pub struct Watch {
    alarms: Vec<Alarm>,
    history: History,
    states: BTreeMap<String, State>,
    publication: Publication,
    reading: Reading,
    /// Late data, by the minute in which it will arrive, with the minute of its measurement.
    late: BTreeMap<usize, Vec<(usize, Metric, Arc<Datum>)>>,
}

impl Watch {
    /// Alarms without any data.
    #[must_use]
    pub fn new(alarms: Vec<Alarm>) -> Self {
        Self::under(alarms, Publication::default(), Reading::default())
    }

    /// Alarms without any data, whose data will arrive as `publication` says, and which are evaluated as `reading`
    /// says.
    #[must_use]
    pub fn under(alarms: Vec<Alarm>, publication: Publication, reading: Reading) -> Self {
        let states =
            alarms.iter().map(|alarm| (alarm.name.clone(), State::InsufficientData)).collect();
        let (history, late) = (History::default(), BTreeMap::new());
        Self { alarms, history, states, publication, reading, late }
    }

    /// The state of an alarm.
    #[must_use]
    pub fn state(&self, alarm: &str) -> Option<State> {
        self.states.get(alarm).copied()
    }

    /// Forgets the data before this minute.
    pub fn forget(&mut self, minute: usize) {
        self.history.forget(minute);
    }

    /// The alarms.
    #[must_use]
    pub fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// All data that has arrived.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Adds a minute's data and evaluates the alarms, as CloudWatch does each minute. The clock starts at a full
    /// hour.
    ///
    /// # Errors
    /// An expression that has no value.
    pub fn minute(&mut self, minute: &Minute) -> Result<Vec<Transition>, MathError> {
        self.publish(minute);
        let mut transitions = Vec::new();
        for alarm in &self.alarms {
            if let Kind::Metric(metric) = &alarm.kind
                && is_due(metric, self.history.minutes())
            {
                let current = self.states[&alarm.name];
                let (state, values) = evaluate(metric, &self.history, self.reading, current)?;
                let why = || reason::of_metric(metric, &values, current, state);
                transitions.extend(self.change(alarm, state, why));
            }
        }
        for transition in &transitions {
            self.states.insert(transition.alarm.clone(), transition.to);
        }
        // A composite alarm may depend on another, so this repeats until nothing changes.
        loop {
            let changed: Vec<_> = self
                .alarms
                .iter()
                .filter_map(|alarm| self.composite(alarm, &transitions))
                .collect();
            if changed.is_empty() {
                return Ok(transitions);
            }
            for transition in &changed {
                self.states.insert(transition.alarm.clone(), transition.to);
            }
            transitions.extend(changed);
        }
    }

    /// Publishes what becomes visible in this minute.
    fn publish(&mut self, minute: &Minute) {
        if self.publication == Publication::default() {
            return self.history.push(minute);
        }
        let now = self.history.minutes();
        self.history.push(&Minute::default());
        for (metric, datum) in &minute.0 {
            if let Some(delay) = self.publication.delay(metric, now) {
                let due = self.late.entry(now + delay).or_default();
                due.push((now, metric.clone(), datum.clone()));
            }
        }
        for (measured, metric, datum) in self.late.remove(&now).unwrap_or_default() {
            self.history.insert(measured, &metric, &datum);
        }
    }

    fn composite(&self, alarm: &Alarm, changed: &[Transition]) -> Option<Transition> {
        let Kind::Composite(rule) = &alarm.kind else { return None };
        let holds = rule.holds(&|name| self.state(name));
        let parts = rule.alarms();
        let part = |name: &&Transition| parts.contains(&name.alarm.as_str());
        let changed = changed.iter().filter(part).map(|part| (part.alarm.as_str(), part.to));
        let to = if holds { State::Alarm } else { State::Ok };
        self.change(alarm, to, || reason::of_composite(changed))
    }

    fn change(&self, alarm: &Alarm, to: State, why: impl FnOnce() -> String) -> Option<Transition> {
        let from = self.states[&alarm.name];
        let minute = self.history.minutes();
        let transition =
            || Transition { minute, alarm: alarm.name.clone(), from, to, reason: why() };
        (from != to).then(transition)
    }

    /// What an alarm compares with its threshold in each of the minutes before `end`, oldest first.
    ///
    /// # Errors
    /// An expression that has no value.
    pub fn line(
        &self,
        alarm: &MetricAlarm,
        end: usize,
        minutes: usize,
    ) -> Result<Series, MathError> {
        values(alarm, &self.history, self.reading.fill, |age| end.checked_sub(age), minutes)
    }
}

/// "If the number of evaluation periods multiplied by the length of each evaluation period exceeds one day, the alarm
/// is evaluated once per hour", with the data before that hour ("Alarm evaluation").
fn is_due(alarm: &MetricAlarm, minutes: usize) -> bool {
    let range = alarm.rule.evaluation_periods * alarm.period();
    range <= DAY || minutes.is_multiple_of(60)
}

fn evaluate(
    alarm: &MetricAlarm,
    history: &History,
    reading: Reading,
    current: State,
) -> Result<(State, Series), MathError> {
    let mut rule = alarm.rule;
    let of_dynamodb = alarm.queries.iter().any(|query| match &query.source {
        Source::Metric(metric, ..) => metric.namespace == "AWS/DynamoDB",
        Source::Expression(_) => false,
    });
    if of_dynamodb {
        // "Alarms that evaluate metrics in the AWS/DynamoDB namespace always ignore missing data."
        rule.missing = Missing::Ignore;
    }
    let range = alarm.rule.evaluation_periods + reading.more_points;
    let period = alarm.period() / 60;
    let end = |age: usize| history.minutes().checked_sub(age * period);
    let values = values(alarm, history, reading.fill, end, range)?;
    let breaches = |value: f64| alarm.comparison.breaches(value, alarm.threshold);
    let points: Vec<_> = values.iter().map(|value| value.map(breaches)).collect();
    let is_enough = points.iter().flatten().count() >= rule.evaluation_periods;
    let warms_up = history.minutes() < alarm.warm_up.minutes;
    if warms_up && (alarm.warm_up.to_its_end || !is_enough) {
        return Ok((State::InsufficientData, values));
    }
    Ok((rule.state(&points, current), values))
}

/// The values that the alarm compares, oldest first: the one of age 0 is of the period before `end(0)`.
fn values(
    alarm: &MetricAlarm,
    history: &History,
    fill: Fill,
    end: impl Fn(usize) -> Option<usize>,
    points: usize,
) -> Result<Series, MathError> {
    let mut named = Named { fill, ..Named::default() };
    for query in &alarm.queries {
        match &query.source {
            Source::Expression(expression) => named.expressions.push((&query.id, expression)),
            Source::Metric(metric, statistic, period) => {
                let length = period / 60;
                let point = |age: usize| history.statistic(metric, *statistic, end(age)?, length);
                named.metrics.push((&query.id, (0..points).rev().map(point).collect()));
            }
        }
    }
    let unknown = || MathError::UnknownId("the query that returns data".to_owned());
    let returned = alarm.queries.iter().find(|query| query.returned).ok_or_else(unknown)?;
    let expression = super::expression::Expression::Id(returned.id.clone());
    match named.value(&expression)? {
        Value::Series(series) => Ok(series),
        Value::Scalar(_) | Value::Array(_) => Err(MathError::Operands),
    }
}
