//! The data of one metric in one minute.

/// The data of one metric in one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
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

    /// The smallest value that this share of all values does not exceed. CloudWatch itself estimates.
    ///
    /// A set of statistics has a percentile only if all its values are the same ("Statistics definitions", Percentiles).
    /// We assume that it also spoils the percentile of other data: the percentile of some values is not that of all.
    pub(crate) fn percentile(self, percent: f64) -> Option<f64> {
        let Self { count, minimum, maximum, mut values, .. } = self;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_take_little_room_and_keep_their_statistics() {
        let values: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let mut many = Datum::of(&values).unwrap();
        let exact = many.clone().percentile(99.0).unwrap();
        let before = (many.count(), many.sum(), many.minimum, many.maximum);
        many.compact();
        assert!(many.size() < 500, "{}", many.size());
        assert_eq!((many.count(), many.sum(), many.minimum, many.maximum), before);
        let now = many.percentile(99.0).unwrap();
        assert!((now / exact - 1.0).abs() < 0.05, "{now} {exact}");
        let mut few = Datum::of(&[1.234, 1.234, 5.0]).unwrap();
        few.compact();
        assert_eq!((few.size(), few.clone().percentile(50.0)), (2, Some(1.234)));
    }
}
