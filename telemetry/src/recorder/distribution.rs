//! Distributions of durations, fine enough for percentiles: OpenTelemetry's exponential histogram with a fixed scale.
//! Recording takes no lock, only atomics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use picus_catalogue::Metric;

/// Each bucket ends 2^(1/16) = 1.044 times above its start. So its middle is within 2.2 % of every value in it.
pub(crate) const SCALE: i32 = 4;
const BUCKETS_AN_OCTAVE: f64 = 16.0;
/// Buckets range from 2^-17 s (8 µs) to 2^7 s (128 s). Values beyond count in the outermost buckets.
const FIRST: i32 = -17 * 16;
const BUCKETS: usize = (17 + 7) * 16;

/// Labels with their values.
type Labels = Vec<(&'static str, String)>;

/// The durations in seconds recorded since the last [`take`](Self::take).
#[derive(Debug)]
pub(crate) struct Distribution {
    /// The metric.
    pub(crate) metric: &'static Metric,
    /// The labels of these durations, with their values.
    pub(crate) labels: Labels,
    counts: Box<[AtomicU64]>,
    /// Floating-point numbers as bits. Positive numbers and their bits have the same order.
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

/// What was recorded in an interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delta {
    /// The index of the first bucket that is not empty.
    pub(crate) offset: i32,
    /// The counts from there on, to the last bucket that is not empty.
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Delta {
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Distribution {
    fn new(metric: &'static Metric, labels: Labels) -> Self {
        Self {
            metric,
            labels,
            counts: (0..BUCKETS).map(|_| AtomicU64::default()).collect(),
            sum: AtomicU64::new(0.0_f64.to_bits()),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(0.0_f64.to_bits()),
        }
    }

    pub(crate) fn record(&self, seconds: f64) {
        let seconds = seconds.max(0.0);
        self.counts[bucket(seconds)].fetch_add(1, Ordering::Relaxed);
        add(&self.sum, seconds);
        self.min.fetch_min(seconds.to_bits(), Ordering::Relaxed);
        self.max.fetch_max(seconds.to_bits(), Ordering::Relaxed);
    }

    /// Takes what was recorded since the last call; `None` if there is nothing.
    pub(crate) fn take(&self) -> Option<Delta> {
        let counts: Vec<_> =
            self.counts.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
        let first = counts.iter().position(|count| *count > 0)?;
        let last = counts.iter().rposition(|count| *count > 0)?;
        let bits = |cell: &AtomicU64, empty: f64| {
            f64::from_bits(cell.swap(empty.to_bits(), Ordering::Relaxed))
        };
        let offset = FIRST + index(first);
        // A value recorded at this moment may be in a bucket already, but not yet in the bounds.
        let (lower, upper) = (bound(offset), bound(FIRST + index(last) + 1));
        Some(Delta {
            offset,
            counts: counts[first..=last].to_vec(),
            sum: bits(&self.sum, 0.0),
            min: bits(&self.min, f64::INFINITY).min(upper),
            max: bits(&self.max, 0.0).max(lower),
        })
    }

    /// Puts back what could not be delivered, so that the next delivery has it.
    pub(crate) fn put_back(&self, delta: &Delta) {
        let first = usize::try_from(delta.offset - FIRST).unwrap_or_default();
        for (bucket, count) in self.counts[first..].iter().zip(&delta.counts) {
            bucket.fetch_add(*count, Ordering::Relaxed);
        }
        add(&self.sum, delta.sum);
        self.min.fetch_min(delta.min.to_bits(), Ordering::Relaxed);
        self.max.fetch_max(delta.max.to_bits(), Ordering::Relaxed);
    }
}

/// The bucket of a value. A bucket excludes its lower bound and includes its upper one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that is too large or no number becomes the nearest integer, or 0"
)]
fn bucket(seconds: f64) -> usize {
    let index = (seconds.log2() * BUCKETS_AN_OCTAVE).ceil() as i32;
    let above = index.saturating_sub(1).saturating_sub(FIRST);
    usize::try_from(above).unwrap_or(0).min(BUCKETS - 1)
}

/// The lower bound of the bucket with this index.
fn bound(index: i32) -> f64 {
    (f64::from(index) / BUCKETS_AN_OCTAVE).exp2()
}

/// Exact: there are few buckets.
fn index(bucket: usize) -> i32 {
    i32::try_from(bucket).unwrap_or(i32::MAX)
}

fn add(cell: &AtomicU64, value: f64) {
    let more = |bits| Some((f64::from_bits(bits) + value).to_bits());
    // Can't fail, because the closure always returns a value.
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
}

/// The distributions of all metrics that have one.
#[derive(Debug, Default)]
pub(crate) struct Distributions(Mutex<Vec<Arc<Distribution>>>);

impl Distributions {
    pub(super) fn get_or_create(
        &self,
        metric: &'static Metric,
        labels: Labels,
    ) -> Arc<Distribution> {
        let mut all = self.0.lock();
        let is_this =
            |one: &&Arc<Distribution>| one.metric.name == metric.name && one.labels == labels;
        if let Some(known) = all.iter().find(is_this) {
            return known.clone();
        }
        let new = Arc::new(Distribution::new(metric, labels));
        all.push(new.clone());
        new
    }

    /// Takes what was recorded since the last call, where there is anything.
    pub(crate) fn take(&self) -> Vec<(Arc<Distribution>, Delta)> {
        let all = self.0.lock().clone();
        all.into_iter().filter_map(|one| one.take().map(|delta| (one, delta))).collect()
    }
}

#[cfg(test)]
mod tests {
    use picus_catalogue::HTTP_SERVER_REQUEST_DURATION;

    use super::*;

    fn of(seconds: &[f64]) -> Distribution {
        let distribution =
            Distribution::new(&HTTP_SERVER_REQUEST_DURATION, vec![("http_route", "/".to_owned())]);
        for seconds in seconds {
            distribution.record(*seconds);
        }
        distribution
    }

    /// The bounds of the buckets that are not empty, with their counts.
    fn buckets(delta: &Delta) -> Vec<(f64, f64, u64)> {
        let counts = (delta.offset..).zip(&delta.counts).filter(|(_, count)| **count > 0);
        counts.map(|(index, count)| (bound(index), bound(index + 1), *count)).collect()
    }

    #[test]
    fn each_value_is_in_its_bucket_and_near_its_middle() {
        let mut seconds = 0.000_01;
        while seconds < 100.0 {
            let delta = of(&[seconds]).take().unwrap();
            let [(from, to, 1)] = buckets(&delta)[..] else { panic!("{delta:?}") };
            // For a value on a bound, the logarithm may be rounded to either side.
            assert!(
                from * 0.999_999 < seconds && seconds <= to * 1.000_001,
                "{seconds}: {from} {to}"
            );
            assert!(
                (f64::midpoint(from, to) / seconds - 1.0).abs() < 0.023,
                "{seconds}: {from} {to}"
            );
            seconds *= 1.007;
        }
        // A bucket includes its upper bound, and the lower bound belongs to the bucket below. Powers of two are
        // exact.
        let delta = of(&[0.25]).take().unwrap();
        assert_eq!(buckets(&delta), [(bound(-33), 0.25, 1)]);
    }

    #[test]
    fn values_outside_the_buckets_count_in_the_outermost_ones() {
        for (seconds, from, to) in [
            (0.0, bound(FIRST), bound(FIRST + 1)),
            (-1.0, bound(FIRST), bound(FIRST + 1)),
            (f64::NAN, bound(FIRST), bound(FIRST + 1)),
            (1e9, bound(7 * 16 - 1), 128.0),
            (f64::INFINITY, bound(7 * 16 - 1), 128.0),
        ] {
            let delta = of(&[seconds]).take().unwrap();
            assert_eq!(buckets(&delta), [(from, to, 1)], "{seconds}");
        }
    }

    #[test]
    fn taken_values_are_gone_until_they_are_put_back() {
        let distribution = of(&[0.01, 0.01, 0.3]);
        let first = distribution.take().unwrap();
        assert_eq!((first.count(), first.min, first.max), (3, 0.01, 0.3));
        assert!((first.sum - 0.32).abs() < 1e-9);
        assert_eq!(distribution.take(), None);

        distribution.record(2.0);
        distribution.put_back(&first);
        let both = distribution.take().unwrap();
        assert_eq!((both.count(), both.min, both.max), (4, 0.01, 2.0));
        assert!((both.sum - 2.32).abs() < 1e-9);
        assert_eq!(buckets(&both), buckets(&of(&[0.01, 0.01, 0.3, 2.0]).take().unwrap()));
    }
}
