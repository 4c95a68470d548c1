//! Computes an alarm's state from its data points ("Alarm evaluation" and "Configuring how CloudWatch alarms treat
//! missing data").

use std::fmt;

use serde::Deserialize;

/// An alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Within the threshold.
    Ok,
    /// Beyond the threshold.
    Alarm,
    /// Too little data.
    InsufficientData,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

/// Which side of the threshold counts as breaching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "they are CloudWatch's names, which say it")]
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

impl Comparison {
    /// Whether a value breaches the threshold.
    #[must_use]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }
}

/// How missing data points are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Missing {
    Breaching,
    NotBreaching,
    /// They keep the state.
    Ignore,
    Missing,
}

/// How many data points must breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// At least this many must breach,
    pub datapoints_to_alarm: usize,
    /// of this many.
    pub evaluation_periods: usize,
    /// How missing ones are treated.
    pub missing: Missing,
}

impl Rule {
    /// The state for the data points of the evaluation range, oldest first. Each is breaching, not breaching, or
    /// missing. The range is longer than the evaluation periods, in case some of the newest points are missing.
    #[must_use]
    pub fn state(self, points: &[Option<bool>], current: State) -> State {
        let (needed, wanted) = (self.datapoints_to_alarm, self.evaluation_periods);
        let real: Vec<bool> = points.iter().copied().flatten().collect();
        let alarm_if = |holds| if holds { State::Alarm } else { State::Ok };
        let breaching = |points: &[bool]| points.iter().filter(|breaches| **breaches).count();
        if let Some(older) = real.len().checked_sub(wanted) {
            return alarm_if(breaching(&real[older..]) >= needed);
        }
        let filled = wanted - real.len();
        let only_breaching = real.iter().all(|breaches| *breaches);
        match self.missing {
            Missing::Breaching => alarm_if(breaching(&real) + filled >= needed),
            Missing::NotBreaching => alarm_if(breaching(&real) >= needed),
            Missing::Missing if real.is_empty() => State::InsufficientData,
            Missing::Ignore if real.is_empty() => current,
            _ if breaching(&real) >= needed => State::Alarm,
            _ if !only_breaching => State::Ok,
            Missing::Ignore => current,
            // All existing points breach, but there are too few. The older points decide. While the next point may
            // still be good, we assume that the state does not change.
            Missing::Missing => {
                let oldest = points.iter().position(Option::is_some).unwrap_or(points.len());
                if points.len() - oldest >= needed { State::Alarm } else { current }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Missing::{Breaching, Ignore, NotBreaching};

    const MISSING: Missing = Missing::Missing;
    const RETAINED: State = State::InsufficientData;

    fn points(text: &str) -> Vec<Option<bool>> {
        let read = |sign| match sign {
            '0' => Some(false),
            'X' => Some(true),
            _ => None,
        };
        text.split(' ').map(|point| read(point.chars().next().unwrap())).collect()
    }

    /// A line of the guide's tables: the data points, then the states for missing, ignore, breaching and not
    /// breaching. The previous state is one that no line results in, so that an unchanged state can be
    /// recognized.
    fn line(needed: usize, text: &str, expected: [State; 4]) {
        for (missing, expected) in
            [MISSING, Ignore, Breaching, NotBreaching].into_iter().zip(expected)
        {
            let rule = Rule { datapoints_to_alarm: needed, evaluation_periods: 3, missing };
            let found = rule.state(&points(text), RETAINED);
            assert_eq!(found, expected, "{needed} of 3, {text}, {missing:?}");
        }
    }

    const OK: State = State::Ok;
    const ALARM: State = State::Alarm;

    /// "How alarm state is evaluated when data is missing", first table.
    #[test]
    fn three_of_three_as_in_the_guide() {
        line(3, "0 - X - X", [OK, OK, OK, OK]);
        line(3, "0 - - - -", [OK, OK, OK, OK]);
        line(3, "- - - - -", [State::InsufficientData, RETAINED, ALARM, OK]);
        line(3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]);
        line(3, "- - X - -", [ALARM, RETAINED, ALARM, OK]);
    }

    /// The second table.
    #[test]
    fn two_of_three_as_in_the_guide() {
        line(2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]);
        line(2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]);
        line(2, "0 - X - -", [OK, OK, ALARM, OK]);
        line(2, "- - - - 0", [OK, OK, ALARM, OK]);
        line(2, "- - - X -", [ALARM, RETAINED, ALARM, OK]);
    }

    /// "Avoiding premature transitions to alarm state": a point that may still turn out well must not raise the
    /// alarm.
    #[test]
    fn a_young_breach_among_missing_data_is_no_alarm_yet() {
        let rule = Rule { datapoints_to_alarm: 3, evaluation_periods: 3, missing: MISSING };
        for text in ["- - - - X", "- - - X -", "- - - X 0", "- - X - 0"] {
            assert_eq!(rule.state(&points(text), OK), OK, "{text}");
        }
    }

    #[test]
    fn only_the_newest_points_decide() {
        let rule = Rule { datapoints_to_alarm: 2, evaluation_periods: 3, missing: MISSING };
        assert_eq!(rule.state(&points("X X 0 0 X"), ALARM), OK);
    }

    #[test]
    fn each_comparison_has_its_side_of_the_threshold() {
        use Comparison::{
            GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanOrEqualToThreshold,
            LessThanThreshold,
        };
        for (comparison, expected) in [
            (GreaterThanThreshold, [false, false, true]),
            (GreaterThanOrEqualToThreshold, [false, true, true]),
            (LessThanThreshold, [true, false, false]),
            (LessThanOrEqualToThreshold, [true, true, false]),
        ] {
            assert_eq!([1.0, 2.0, 3.0].map(|value| comparison.breaches(value, 2.0)), expected);
        }
    }
}
