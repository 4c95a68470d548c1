//! What a metric is called.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A metric's name, whole: one that differs in a dimension is another metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metric {
    /// Who publishes it.
    pub namespace: String,
    /// What it measures.
    pub name: String,
    /// Of what it measures that.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// The metric of these names.
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

/// How the values of a period become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// How many there are.
    SampleCount,
    /// All of them together.
    Sum,
    /// Their mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// The value below which this share of them is, in percent.
    Percentile(f64),
}

/// Text that is no statistic.
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
