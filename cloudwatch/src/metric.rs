//! The name of a metric.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A metric's full name. With another dimension it is another metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metric {
    /// The publisher's namespace.
    pub namespace: String,
    /// What it measures.
    pub name: String,
    /// Which part of the system it measures.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// The metric with this name.
    #[must_use]
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(owned).collect(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, dimensions } = self;
        let dimensions: Vec<_> =
            dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{namespace} {name} {{{}}}", dimensions.join(", "))
    }
}

/// Combines the values of a period into one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Their number.
    SampleCount,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The value below which this percentage of them lies.
    Percentile(f64),
}

/// Text that is not a statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no statistic: use SampleCount, Sum, Average, Minimum, Maximum or p0.0 to p100")]
pub struct UnknownStatistic(String);

impl FromStr for Statistic {
    type Err = UnknownStatistic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "SampleCount" => Self::SampleCount,
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            percentile => percentile
                .strip_prefix('p')
                .and_then(|number| number.parse().ok())
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percentile)
                .ok_or_else(|| UnknownStatistic(text.to_owned()))?,
        })
    }
}
