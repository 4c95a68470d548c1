//! Measured data, minute by minute.

use std::collections::HashMap;
use std::sync::Arc;

use crate::metric::{Metric, Statistic};

pub use crate::datum::Datum;

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
                all.percentile(percent)?
            }
        })
    }
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
    fn statistics_cover_the_minutes_before() {
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
    fn late_and_reordered_data_gives_the_same_statistics() {
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
        assert_eq!(set.clone().percentile(99.0), None);
        let mut mixed = Datum::of(&[2.0]).unwrap();
        mixed.add(&set);
        assert_eq!(mixed.percentile(99.0), None, "some values are unknown");
        assert_eq!(Datum::statistics(3.0, 6.0, 2.0, 2.0).percentile(99.0), Some(2.0));
    }

    #[test]
    fn a_value_counts_as_often_as_it_was_sent() {
        let of = |values: &[(f64, f64)], percent| {
            Datum::distribution(values).unwrap().percentile(percent).unwrap()
        };
        let values = [(3.0, 1.0), (1.0, 989.0), (2.0, 10.0)];
        let found = [0.0, 50.0, 98.9, 99.0, 99.9, 100.0].map(|percent| of(&values, percent));
        assert_eq!(found.map(|value| format!("{value:.0}")), ["1", "1", "1", "2", "2", "3"]);
        // A value with a count of zero does not exist.
        assert!(of(&[(1.0, 1.0), (9.0, 0.0)], 100.0) < 2.0);
        assert_eq!(Datum::distribution(&[(9.0, 0.0)]), None);
    }

    #[test]
    fn percentiles_cover_all_minutes_and_publishers_of_a_period() {
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
