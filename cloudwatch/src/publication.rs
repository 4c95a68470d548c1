//! When data becomes visible: on time, late, out of order, or never.

use std::iter;

use crate::math::Fill;
use crate::metric::Metric;

/// When data is published. By default everything appears as soon as its minute is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Publication {
    /// Minutes by which everything is late.
    pub lag: usize,
    /// The most further minutes by which some of it is late.
    pub jitter: usize,
    /// One minute in this many is lost.
    pub lost_one_in: Option<usize>,
    /// Whether each metric is late or lost on its own. Otherwise a namespace with one set of dimensions is one
    /// document, whose metrics stay together.
    pub each_by_itself: bool,
    /// Another number chooses other delays and other lost minutes.
    pub seed: usize,
}

/// What CloudWatch's guide leaves open about evaluating alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// How many more data points than needed an alarm looks at, in case some of the newest are missing. The guide
    /// says 5 for 3, and gives no formula.
    pub more_points: usize,
    /// Which missing data points `FILL` replaces.
    pub fill: Fill,
}

impl Default for Reading {
    fn default() -> Self {
        Self { more_points: 2, fill: Fill::Each }
    }
}

impl Publication {
    /// How many minutes late a minute's data is; `None` if it never comes. It is always the same for one minute and
    /// publisher, and differs between them.
    #[must_use]
    pub fn delay(&self, metric: &Metric, minute: usize) -> Option<usize> {
        let publisher = self.publisher(metric);
        let is_lost =
            |one_in: usize| (minute + self.seed + publisher % one_in).is_multiple_of(one_in);
        if self.lost_one_in.is_some_and(is_lost) {
            return None;
        }
        let later = hash([publisher, minute, self.seed].iter().flat_map(|part| part.to_le_bytes()));
        Some(self.lag + later % (self.jitter + 1))
    }

    fn publisher(&self, metric: &Metric) -> usize {
        let dimensions = metric.dimensions.iter().flat_map(|(name, value)| [name, value]);
        let name = self.each_by_itself.then_some(&metric.name);
        let texts = iter::once(&metric.namespace).chain(dimensions).chain(name);
        // Each text ends by a 0: the last byte of all must reach the high bits, or names that differ in it alone share their
        // delays, and what is one text in two must not be another's.
        hash(texts.flat_map(|text| text.bytes().chain([0])))
    }
}

/// FNV-1a, whose high bits are the better ones. The standard library's hash may change with its version.
fn hash(bytes: impl Iterator<Item = u8>) -> usize {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::from(u16::try_from(hash >> 48).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(publication: Publication, name: &str) -> Vec<Option<usize>> {
        let metric = Metric::new("N", name, &[("d", "v")]);
        (0..100).map(|minute| publication.delay(&metric, minute)).collect()
    }

    #[test]
    fn delays_are_within_their_bounds_and_of_each_length() {
        let publication = Publication { lag: 1, jitter: 2, ..Publication::default() };
        let found = delays(publication, "m");
        assert!([1, 2, 3].iter().all(|delay| found.contains(&Some(*delay))), "{found:?}");
        assert!(found.iter().all(|delay| delay.is_some_and(|delay| (1..=3).contains(&delay))));
        assert!(delays(Publication::default(), "m").iter().all(|delay| *delay == Some(0)));
    }

    #[test]
    fn metrics_of_one_document_arrive_together_and_others_separately() {
        let together = Publication { jitter: 3, ..Publication::default() };
        assert_eq!(delays(together, "requests"), delays(together, "failures"));
        let apart = Publication { each_by_itself: true, ..together };
        assert_ne!(delays(apart, "requests"), delays(apart, "failures"));
    }

    #[test]
    fn names_that_differ_only_in_their_last_byte_have_their_own_delay() {
        let apart = Publication { jitter: 3, each_by_itself: true, ..Publication::default() };
        assert_ne!(delays(apart, "requests_a"), delays(apart, "requests_b"));
    }

    #[test]
    fn another_seed_delays_and_loses_other_minutes() {
        let [one, other] = [1, 2].map(|seed| {
            let publication = Publication { jitter: 2, seed, ..Publication::default() };
            let lossy = Publication { lost_one_in: Some(10), ..publication };
            (delays(publication, "m"), delays(lossy, "m").iter().position(Option::is_none))
        });
        assert_ne!(one.0, other.0);
        assert_ne!(one.1, other.1);
    }

    #[test]
    fn losses_happen_at_equal_intervals() {
        let publication = Publication { lost_one_in: Some(10), ..Publication::default() };
        let found = delays(publication, "m");
        let lost: Vec<_> = (0..100).filter(|minute| found[*minute].is_none()).collect();
        assert_eq!(lost.len(), 10);
        assert!(lost.windows(2).all(|pair| pair[1] - pair[0] == 10), "{lost:?}");
    }
}
