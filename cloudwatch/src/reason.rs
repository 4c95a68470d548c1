//! Why an alarm changed its state, in the words of CloudWatch (`StateReason`). The guide does not list them: they are
//! those of alarms' histories, without the times.

use crate::alarm::{Comparison, Missing, State};
use crate::definition::MetricAlarm;

/// The reason of an alarm that has not been evaluated yet.
pub const INITIAL: &str = "Unchecked: Initial alarm creation";

impl Comparison {
    /// What a breaching value is, compared with the threshold.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Self::GreaterThanThreshold => "greater than",
            Self::LessThanThreshold => "less than",
            Self::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }
}

/// Why a metric alarm changed. `values` are those of its evaluation range, oldest first.
#[must_use]
pub fn of_metric(alarm: &MetricAlarm, values: &[Option<f64>], from: State, to: State) -> String {
    let wanted = alarm.rule.evaluation_periods;
    if to == State::InsufficientData {
        return format!("Insufficient Data: {} unknown.", datapoints(wanted));
    }
    let newest: Vec<f64> = values.iter().rev().flatten().copied().take(wanted).collect();
    let missing = wanted - newest.len();
    let treated = match alarm.rule.missing {
        Missing::Breaching => "Breaching",
        Missing::NotBreaching => "NonBreaching",
        Missing::Ignore => "Ignore",
        Missing::Missing => "Missing",
    };
    let treated =
        format!("{missing} missing {} treated as [{treated}]", were("datapoint", missing));
    if newest.is_empty() {
        let periods = if wanted == 1 { "period" } else { "periods" };
        return format!(
            "Threshold Crossed: no datapoints were received for {wanted} {periods} and {treated}."
        );
    }
    let breaches = |value: &&f64| alarm.comparison.breaches(**value, alarm.threshold);
    let alarms = to == State::Alarm;
    let counted = newest.iter().filter(|value| breaches(value) == alarms).count();
    let shown: Vec<_> = newest.iter().map(|value| number(*value)).collect();
    let verb = if counted == 1 { "was" } else { "were" };
    let not = if alarms { "" } else { "not " };
    let least = alarm.rule.datapoints_to_alarm;
    let least = if alarms { least } else { wanted + 1 - least };
    let plural = if least == 1 { "" } else { "s" };
    let also = if missing > 0 { format!(" and {treated}") } else { String::new() };
    format!(
        "Threshold Crossed: {counted} out of the last {wanted} datapoints [{}] {verb} {not}{} the threshold ({}){also} \
         (minimum {least} datapoint{plural} for {from} -> {to} transition).",
        shown.join(", "),
        alarm.comparison.words(),
        number(alarm.threshold),
    )
}

/// Why a composite alarm changed: what became of those of its parts that changed.
pub fn of_composite<'a>(changed: impl Iterator<Item = (&'a str, State)>) -> String {
    let changed: Vec<_> =
        changed.map(|(alarm, to)| format!("{alarm} transitioned to {to}")).collect();
    if changed.is_empty() { INITIAL.to_owned() } else { changed.join(", ") }
}

fn datapoints(count: usize) -> String {
    format!("{count} {}", were("datapoint", count))
}

fn were(noun: &str, count: usize) -> String {
    if count == 1 { format!("{noun} was") } else { format!("{noun}s were") }
}

/// At least one decimal, as CloudWatch writes numbers, but at most four digits that matter.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    format!("{rounded:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Rule;
    use crate::definition::WarmUp;

    fn alarm(needed: usize, of: usize, missing: Missing) -> MetricAlarm {
        MetricAlarm {
            queries: Vec::new(),
            comparison: Comparison::GreaterThanThreshold,
            threshold: 1.0,
            rule: Rule { datapoints_to_alarm: needed, evaluation_periods: of, missing },
            warm_up: WarmUp::default(),
        }
    }

    #[test]
    fn reasons_read_as_in_cloudwatch() {
        let (ok, on) = (State::Ok, State::Alarm);
        let two_of_three = alarm(2, 3, Missing::NotBreaching);
        assert_eq!(
            of_metric(&two_of_three, &[Some(0.0), Some(2.511_119), Some(0.5), Some(3.0)], ok, on),
            "Threshold Crossed: 2 out of the last 3 datapoints [3.0, 0.5, 2.511] were greater than the threshold (1.0) \
             (minimum 2 datapoints for OK -> ALARM transition)."
        );
        assert_eq!(
            of_metric(&two_of_three, &[Some(2.0), None, Some(0.0)], on, ok),
            "Threshold Crossed: 1 out of the last 3 datapoints [0.0, 2.0] was not greater than the threshold (1.0) and \
             1 missing datapoint was treated as [NonBreaching] (minimum 2 datapoints for ALARM -> OK transition)."
        );
        let strict = alarm(1, 1, Missing::Breaching);
        assert_eq!(
            of_metric(&strict, &[None], ok, on),
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as \
             [Breaching]."
        );
        assert_eq!(
            of_metric(&strict, &[None], ok, State::InsufficientData),
            "Insufficient Data: 1 datapoint was unknown."
        );
        let parts = [("a", on), ("b", ok)].into_iter();
        assert_eq!(of_composite(parts), "a transitioned to ALARM, b transitioned to OK");
    }
}
