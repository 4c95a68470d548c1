//! Compares what the SLIs say with what the clients saw.

use std::fmt;
use std::time::Duration;

use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::{Alarm, Kind, MetricAlarm, Source};
use picus_cloudwatch::math::MathError;
use picus_cloudwatch::watch::Watch;

/// What a client saw of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// How it ended.
    pub end: End,
    /// The time until the first byte of the response; without a response, until the end.
    pub waited: Duration,
    /// The time until the end.
    pub took: Duration,
}

/// How a request ended for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By a whole response with this status.
    Answered(u16),
    /// The connection broke before the last byte.
    BrokenOff,
    /// The client waited no longer.
    GaveUp,
}

/// A service level indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sli {
    /// The share of requests that failed.
    Availability,
    /// The share of responses without a 5xx that began too late.
    Latency,
}

impl fmt::Display for Sli {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Availability => "failed",
            Self::Latency => "waited too long",
        })
    }
}

/// An SLI over a whole drill: bad requests in percent.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// Which one.
    pub sli: Sli,
    /// In the eyes of the clients.
    pub seen: f64,
    /// The same without those that waited too long only because of this machine.
    pub at_least: f64,
    /// According to the metrics that the alarms watch.
    pub told: f64,
}

/// How far both may be apart, in percentage points.
const TOLERANCE: f64 = 0.1;

impl Compared {
    /// Whether both say the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        (self.at_least - TOLERANCE..=self.seen + TOLERANCE).contains(&self.told)
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sli, seen, at_least, told } = self;
        if seen - at_least > TOLERANCE {
            write!(to, "{at_least:.2} to ")?;
        }
        write!(to, "{seen:.2} % of the requests {sli}; the SLI says {told:.2} %")
    }
}

/// Both SLIs, which the alarms compute, beside what clients saw in these minutes. Responses must begin within `limit`.
/// On a busy machine, clients wait up to `overhead` longer than any program can know.
pub(crate) fn compare<'a>(
    seen: &[Seen],
    limit: Duration,
    overhead: Duration,
    minutes: impl Iterator<Item = &'a Minute>,
    alarms: &[Alarm],
) -> Result<Vec<Compared>, MathError> {
    let mut watch = Watch::new(Vec::new());
    for minute in minutes {
        watch.minute(minute)?;
    }
    let told = |alarm: &str, bad: &str| -> Result<f64, MathError> {
        let alarm = alarms.iter().find_map(|known| match &known.kind {
            Kind::Metric(metric) if known.name == alarm => Some(metric),
            _ => None,
        });
        let Some(alarm) = alarm else { return Ok(f64::NAN) };
        Ok(percent(value(&watch, alarm, bad)?, value(&watch, alarm, "total")?))
    };
    let failed = share(seen.iter().map(Seen::failed));
    let late = |limit| share(seen.iter().filter_map(|seen| seen.late(limit)));
    let availability = Compared {
        sli: Sli::Availability,
        seen: failed,
        at_least: failed,
        told: told("picus-availability-page-1h", "failed")?,
    };
    let latency = Compared {
        sli: Sli::Latency,
        seen: late(limit),
        at_least: late(limit + overhead),
        told: told("picus-latency-page-1h", "slow")?,
    };
    Ok(vec![availability, latency])
}

impl Seen {
    /// Whether it spends the budget of availability. Who gives up spends that of latency.
    fn failed(&self) -> bool {
        match self.end {
            End::Answered(status) => status >= 500,
            End::BrokenOff => true,
            End::GaveUp => false,
        }
    }

    /// Whether it spends the budget of latency; `None` if it does not count there.
    fn late(&self, limit: Duration) -> Option<bool> {
        let late = self.waited > limit;
        let began = self.waited < self.took;
        (!self.failed() && (self.end != End::GaveUp || began || late)).then_some(late)
    }
}

/// The value of one of the alarm's queries, over all minutes. Without data it is 0.
fn value(watch: &Watch, alarm: &MetricAlarm, id: &str) -> Result<f64, MathError> {
    let minutes = watch.history().minutes();
    let mut alarm = alarm.clone();
    for query in &mut alarm.queries {
        query.returned = query.id == id;
        if let Source::Metric(_, _, period) = &mut query.source {
            *period = 60 * minutes;
        }
    }
    let line = watch.line(&alarm, minutes, 1)?;
    Ok(line.first().copied().flatten().unwrap_or(0.0))
}

fn share(bad: impl Iterator<Item = bool>) -> f64 {
    let (bad, all) =
        bad.fold((0.0, 0.0), |(bad, all), is_bad| (bad + f64::from(u8::from(is_bad)), all + 1.0));
    percent(bad, all)
}

/// Nothing of nothing is 0 %.
fn percent(part: f64, all: f64) -> f64 {
    if all > 0.0 { 100.0 * part / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn seen(end: End, waited: u64, took: u64) -> Seen {
        Seen { end, waited: Duration::from_secs(waited), took: Duration::from_secs(took) }
    }

    #[test]
    fn a_request_spends_the_budget_that_the_slos_say() {
        for (request, failed, late) in [
            (seen(End::Answered(200), 1, 1), false, Some(false)),
            (seen(End::Answered(404), 3, 3), false, Some(true)),
            // The last byte may be late.
            (seen(End::Answered(200), 1, 3), false, Some(false)),
            (seen(End::Answered(503), 3, 3), true, None),
            (seen(End::BrokenOff, 1, 3), true, None),
            (seen(End::GaveUp, 3, 3), false, Some(true)),
            (seen(End::GaveUp, 1, 1), false, None),
            (seen(End::GaveUp, 1, 3), false, Some(false)),
        ] {
            assert_eq!((request.failed(), request.late(LIMIT)), (failed, late), "{request:?}");
        }
    }

    #[test]
    fn a_tenth_of_a_point_is_no_difference() {
        let compared = |seen, told| Compared { sli: Sli::Latency, seen, at_least: seen, told };
        assert!(compared(10.0, 10.05).agrees() && compared(0.0, 0.0).agrees());
        assert!(!compared(10.0, 10.2).agrees() && !compared(10.0, 0.0).agrees());
        assert!(!compared(0.0, f64::NAN).agrees(), "an alarm that is not there says nothing");
        assert_eq!(
            compared(10.0, 9.5).to_string(),
            "10.00 % of the requests waited too long; the SLI says 9.50 %"
        );
    }

    #[test]
    fn what_only_a_busy_machine_delayed_may_count_or_not() {
        let between = |told| Compared { sli: Sli::Latency, seen: 10.0, at_least: 4.0, told };
        assert!([4.0, 7.0, 10.0].into_iter().all(|told| between(told).agrees()));
        assert!([3.0, 11.0].into_iter().all(|told| !between(told).agrees()));
        let text = between(3.0).to_string();
        assert_eq!(text, "4.00 to 10.00 % of the requests waited too long; the SLI says 3.00 %");
    }
}
