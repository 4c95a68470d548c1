//! The statuses of a good health check, as a matcher writes them: `200`, `200,202`, `200-299`.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Ranges of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Whether a status is in a range.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self(vec![range])
    }
}

impl FromStr for Statuses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        };
        let ranges = text.split(',').map(range).collect::<Option<Vec<_>>>();
        ranges.map(Self).ok_or("no statuses like 200, 200-299 or 200,202")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_is_a_list_of_statuses_and_ranges() {
        for (matcher, status, expected) in [
            ("200", 200, true),
            ("200", 201, false),
            ("200-299", 299, true),
            ("200-299", 300, false),
            ("200,301-302", 302, true),
            ("200, 301-302", 201, false),
        ] {
            let statuses: Statuses = matcher.parse().unwrap();
            assert_eq!(statuses.contain(status), expected, "{matcher} {status}");
        }
        assert!("2xx".parse::<Statuses>().is_err());
    }
}
