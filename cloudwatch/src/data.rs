//! Measured data, minute by minute.

use std::collections::HashMap;
use std::sync::Arc;

use crate::metric::{Metric, Statistic};

/// The data of one metric in one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
    /// Values with their counts. Empty if the data came as a set of statistics.
    values: Vec<(f64, f64)>,
}

impl Datum {
    /// Single values; `None` if there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let once: Vec<_> = values.iter().map(|value| (*value, 1.0)).collect();
        Self::distribution(&once)
    }

    /// Values with their counts; `None` if there are none. These are the "Values and Counts" of `MetricDatum`
    /// ("`PutMetricData`"). All statistics can be computed from them, including percentiles.
    #[must_use]
    pub fn distribution(values: &[(f64, f64)]) -> Option<Self> {
        let values: Vec<_> = values.iter().copied().filter(|(_, count)| *count > 0.0).collect();
        let (first, _) = values.first()?;
        let mut all =
            Self { count: 0.0, sum: 0.0, minimum: *first, maximum: *first, values: vec![] };
        for (value, count) in &values {
            all.count += count;
            all.sum += value * count;
            all.minimum = all.minimum.min(*value);
            all.maximum = all.maximum.max(*value);
        }
        Some(Self { values, ..all })
    }

    /// A set of statistics. Percentiles can't be computed from it.
    #[must_use]
    pub fn statistics(count: f64, sum: f64, minimum: f64, maximum: f64) -> Self {
        Self { count, sum, minimum, maximum, values: Vec::new() }
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.count
    }

    /// The sum of the values.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Adds another's values.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        self.values.extend(&other.values);
    }
}

/// The most values that one EMF document may have of a metric.
const MAX_VALUES: usize = 100;

impl Datum {
    /// Makes it small, however many values it has. Equal values become one. If there are still many, each keeps its
    /// first two digits, so that a percentile is at most 5 % off.
    pub fn compact(&mut self) {
        merge(&mut self.values);
        if self.values.len() > MAX_VALUES {
            for (value, _) in &mut self.values {
                *value = format!("{value:.1e}").parse().unwrap_or(*value);
            }
            merge(&mut self.values);
        }
    }

    /// How many different values it keeps.
    #[must_use]
    pub fn size(&self) -> usize {
        self.values.len()
    }
}

fn merge(values: &mut Vec<(f64, f64)>) {
    values.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    values.dedup_by(|(next, more), (value, count)| {
        let is_same = next.total_cmp(value).is_eq();
        *count += if is_same { *more } else { 0.0 };
        is_same
    });
}

/// One minute's data of all metrics.
#[derive(Debug, Clone, Default)]
pub struct Minute(pub HashMap<Metric, Arc<Datum>>);

/// All minutes so far, beginning with minute 0.
#[derive(Debug, Default)]
pub struct History {
    minutes: usize,
    series: HashMap<Metric, Series>,
}

#[derive(Debug)]
struct Series {
    /// The minute of the first data.
    start: usize,
    data: Vec<Option<Arc<Datum>>>,
    /// Count and sum before each minute, and at the end. They make windows of days fast.
    totals: Vec<(f64, f64)>,
}

impl History {
    /// Adds the next minute.
    pub fn push(&mut self, minute: &Minute) {
        for metric in minute.0.keys() {
            if !self.series.contains_key(metric) {
                let series =
                    Series { start: self.minutes, data: Vec::new(), totals: vec![(0.0, 0.0)] };
                self.series.insert(metric.clone(), series);
            }
        }
        for (metric, series) in &mut self.series {
            series.push(minute.0.get(metric).cloned());
        }
        self.minutes += 1;
    }

    /// Adds late data to a past minute.
    pub fn insert(&mut self, minute: usize, metric: &Metric, datum: &Arc<Datum>) {
        let minutes = self.minutes;
        let series = self.series.entry(metric.clone()).or_insert_with(|| {
            let missing = minutes.saturating_sub(minute);
            Series {
                start: minute,
                data: vec![None; missing],
                totals: vec![(0.0, 0.0); missing + 1],
            }
        });
        series.insert(minute, datum);
    }

    /// Forgets the minutes before `minute`. The others keep their numbers.
    pub fn forget(&mut self, minute: usize) {
        for series in self.series.values_mut() {
            let old = minute.saturating_sub(series.start).min(series.data.len());
            series.data.drain(..old);
            series.totals.drain(..old);
            series.start += old;
        }
        self.series.retain(|_, series| series.data.iter().any(Option::is_some));
    }

    /// The number of minutes.
    #[must_use]
    pub fn minutes(&self) -> usize {
        self.minutes
    }

    /// The data of one minute.
    #[must_use]
    pub fn minute(&self, minute: usize) -> Minute {
        let datum = |(metric, series): (&Metric, &Series)| {
            let datum = series.data.get(minute.checked_sub(series.start)?)?.clone()?;
            Some((metric.clone(), datum))
        };
        Minute(self.series.iter().filter_map(datum).collect())
    }

    /// The metrics that have data.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.series.keys()
    }

    /// The statistic of the `length` minutes before minute `end`; `None` without data.
    #[must_use]
    pub fn statistic(
        &self,
        metric: &Metric,
        statistic: Statistic,
        end: usize,
        length: usize,
    ) -> Option<f64> {
        self.series.get(metric)?.statistic(statistic, end.saturating_sub(length), end)
    }
}

impl Series {
    fn push(&mut self, datum: Option<Arc<Datum>>) {
        let (count, sum) = self.totals.last().copied().unwrap_or_default();
        let (more, plus) = datum.as_ref().map_or((0.0, 0.0), |datum| (datum.count, datum.sum));
        self.totals.push((count + more, sum + plus));
        self.data.push(datum);
    }

    fn insert(&mut self, minute: usize, datum: &Arc<Datum>) {
        let earlier = self.start.saturating_sub(minute);
        self.start -= earlier;
        self.data.splice(0..0, std::iter::repeat_n(None, earlier));
        self.totals.splice(0..0, std::iter::repeat_n((0.0, 0.0), earlier));
        let index = minute - self.start;
        let mut rest = self.data.split_off(index.min(self.data.len()));
        self.totals.truncate(index + 1);
        if let Some(first) = rest.first_mut() {
            match first {
                Some(known) => Arc::make_mut(known).add(datum),
                None => *first = Some(datum.clone()),
            }
        }
        for datum in rest {
            self.push(datum);
        }
    }

    fn statistic(&self, statistic: Statistic, from: usize, to: usize) -> Option<f64> {
        let within = |minute: usize| minute.saturating_sub(self.start).min(self.data.len());
        let (from, to) = (within(from), within(to));
        let count = self.totals[to].0 - self.totals[from].0;
        let sum = self.totals[to].1 - self.totals[from].1;
        let data = || self.data[from..to].iter().flatten();
        if count <= 0.0 {
            return None;
        }
        Some(match statistic {
            Statistic::SampleCount => count,
            Statistic::Sum => sum,
            Statistic::Average => sum / count,
            Statistic::Minimum => data().map(|datum| datum.minimum).fold(f64::INFINITY, f64::min),
            Statistic::Maximum => {
                data().map(|datum| datum.maximum).fold(f64::NEG_INFINITY, f64::max)
            }
            Statistic::Percentile(percent) => {
                let mut all = data().map(|datum| (**datum).clone());
                let first = all.next()?;
                let all = all.fold(first, |mut all, next| {
                    all.add(&next);
                    all
                });
                percentile(all, percent)?
            }
        })
    }
}

/// The smallest value that this share of all values does not exceed. CloudWatch itself estimates.
///
/// A set of statistics has a percentile only if all its values are the same ("Statistics definitions", Percentiles).
/// We assume that it also spoils the percentile of other data: the percentile of some values is not that of all.
fn percentile(datum: Datum, percent: f64) -> Option<f64> {
    let Datum { count, minimum, maximum, mut values, .. } = datum;
    let known: f64 = values.iter().map(|(_, count)| count).sum();
    if known < count {
        return (count <= 1.0 || minimum >= maximum).then_some(minimum);
    }
    values.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut below = 0.0;
    let reached = values.iter().find(|(_, count)| {
        below += count;
        below / known * 100.0 >= percent
    });
    // Because of rounding, the sum of all shares may be just under 100 %.
    reached.or(values.last()).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(minutes: &[&[f64]]) -> (History, Metric) {
        let metric = Metric::new("N", "m", &[("d", "v")]);
        let mut history = History::default();
        for values in minutes {
            let datum = Datum::of(values).map(Arc::new);
            history.push(&Minute(datum.map(|datum| (metric.clone(), datum)).into_iter().collect()));
        }
        (history, metric)
    }

    #[test]
    fn old_minutes_are_forgotten_and_the_others_keep_their_numbers() {
        let (mut history, metric) = history(&[&[1.0], &[2.0], &[3.0], &[4.0]]);
        history.forget(2);
        let of = |end, length| history.statistic(&metric, Statistic::Sum, end, length);
        assert_eq!((of(2, 2), of(3, 3), of(4, 1)), (None, Some(3.0), Some(4.0)));
        assert_eq!(history.minute(1).0.len(), 0);
        assert_eq!(history.minute(3).0[&metric], Datum::of(&[4.0]).map(Arc::new).unwrap());
        history.push(&Minute::default());
        history.forget(4);
        assert_eq!((history.metrics().count(), history.minutes()), (0, 5));
    }

    #[test]
    fn many_values_take_little_room_and_keep_their_statistics() {
        let values: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let mut many = Datum::of(&values).unwrap();
        let exact = percentile(many.clone(), 99.0).unwrap();
        let before = (many.count(), many.sum(), many.minimum, many.maximum);
        many.compact();
        assert!(many.size() < 500, "{}", many.size());
        assert_eq!((many.count(), many.sum(), many.minimum, many.maximum), before);
        let now = percentile(many, 99.0).unwrap();
        assert!((now / exact - 1.0).abs() < 0.05, "{now} {exact}");
        let mut few = Datum::of(&[1.234, 1.234, 5.0]).unwrap();
        few.compact();
        assert_eq!((few.size(), percentile(few, 50.0)), (2, Some(1.234)));
    }

    #[test]
    fn statistics_are_of_the_minutes_before() {
        let (history, metric) = history(&[&[], &[1.0, 3.0], &[8.0], &[], &[100.0]]);
        let of = |statistic, end, length| history.statistic(&metric, statistic, end, length);
        assert_eq!(of(Statistic::Sum, 3, 2), Some(12.0));
        assert_eq!(of(Statistic::Sum, 3, 60), Some(12.0));
        assert_eq!(of(Statistic::SampleCount, 3, 3), Some(3.0));
        assert_eq!(of(Statistic::Average, 3, 2), Some(4.0));
        assert_eq!(of(Statistic::Minimum, 5, 5), Some(1.0));
        assert_eq!(of(Statistic::Maximum, 3, 2), Some(8.0));
        assert_eq!(of(Statistic::Sum, 4, 1), None, "nothing was measured");
        assert_eq!(of(Statistic::Sum, 1, 1), None, "before the first");
        let other = Metric::new("N", "m", &[]);
        assert_eq!(history.statistic(&other, Statistic::Sum, 3, 2), None, "another metric");
    }

    #[test]
    fn what_comes_late_and_in_any_order_is_as_if_it_had_come_in_time() {
        let values: [&[f64]; 4] = [&[1.0, 3.0], &[], &[8.0], &[100.0]];
        let (in_time, metric) = history(&values);
        let (mut late, _) = history(&[&[], &[], &[], &[]]);
        for minute in [2, 0, 3] {
            late.insert(minute, &metric, &Arc::new(Datum::of(values[minute]).unwrap()));
        }
        for statistic in [Statistic::Sum, Statistic::SampleCount, Statistic::Maximum] {
            for (end, length) in (1..=4).flat_map(|end| (1..=4).map(move |length| (end, length))) {
                let of = |history: &History| history.statistic(&metric, statistic, end, length);
                assert_eq!(of(&late), of(&in_time), "{statistic:?} of {length} before {end}");
            }
        }
        late.insert(3, &metric, &Arc::new(Datum::of(&[1.0]).unwrap()));
        assert_eq!(late.statistic(&metric, Statistic::Sum, 4, 1), Some(101.0), "both are counted");
    }

    #[test]
    fn a_percentile_needs_single_values_or_equal_ones() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let (history, metric) = history(&[&values]);
        let of = |percent| history.statistic(&metric, Statistic::Percentile(percent), 1, 1);
        assert_eq!((of(50.0), of(99.0), of(100.0)), (Some(50.0), Some(99.0), Some(100.0)));
        let set = Datum::statistics(3.0, 6.0, 1.0, 3.0);
        assert_eq!(percentile(set.clone(), 99.0), None);
        let mut mixed = Datum::of(&[2.0]).unwrap();
        mixed.add(&set);
        assert_eq!(percentile(mixed, 99.0), None, "of some values nothing is known");
        assert_eq!(percentile(Datum::statistics(3.0, 6.0, 2.0, 2.0), 99.0), Some(2.0));
    }

    #[test]
    fn of_values_that_came_several_times_each_time_counts() {
        let of = |values: &[(f64, f64)], percent| {
            percentile(Datum::distribution(values).unwrap(), percent).unwrap()
        };
        let values = [(3.0, 1.0), (1.0, 989.0), (2.0, 10.0)];
        let found = [0.0, 50.0, 98.9, 99.0, 99.9, 100.0].map(|percent| of(&values, percent));
        assert_eq!(found.map(|value| format!("{value:.0}")), ["1", "1", "1", "2", "2", "3"]);
        // A value with a count of zero does not exist.
        assert!(of(&[(1.0, 1.0), (9.0, 0.0)], 100.0) < 2.0);
        assert_eq!(Datum::distribution(&[(9.0, 0.0)]), None);
    }

    #[test]
    fn percentiles_of_a_period_are_of_all_its_minutes_and_publishers() {
        let metric = Metric::new("N", "m", &[("d", "v")]);
        let mut history = History::default();
        for (value, count) in [(1.0, 98.0), (5.0, 1.0), (9.0, 1.0)] {
            let datum = Datum::distribution(&[(value, count)]).map(Arc::new).unwrap();
            history.push(&Minute([(metric.clone(), datum)].into()));
        }
        let of = |percent| history.statistic(&metric, Statistic::Percentile(percent), 3, 3);
        assert_eq!((of(98.0), of(99.0), of(99.5)), (Some(1.0), Some(5.0), Some(9.0)));
    }
}
