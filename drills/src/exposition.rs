//! Parses Prometheus' text format, as far as the service uses it.

use std::collections::BTreeMap;

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name. For a histogram, it has the suffix of this number.
    pub name: String,
    /// The labels with values. For Prometheus, an empty label does not exist.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// The numbers of a scrape. Picus' label values never contain a quote.
pub fn samples(text: &str) -> impl Iterator<Item = Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let pairs = labels.trim_end_matches('}').split_terminator("\",").filter_map(|pair| {
            let (name, value) = pair.split_once("=\"")?;
            Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
        });
        let labels = pairs.filter(|(_, value)| !value.is_empty()).collect();
        Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_the_labels_that_have_a_value() {
        let text =
            "# HELP a b\n# TYPE a counter\na{x=\"1\",empty=\"\",y=\"/{key}\"} 7\n\nb_sum 0.5\n";
        let found: Vec<_> = samples(text).collect();
        let sample = |name: &str, labels: &[(&str, &str)], value| Sample {
            name: name.to_owned(),
            labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            value,
        };
        assert_eq!(
            found,
            [sample("a", &[("x", "1"), ("y", "/{key}")], 7.0), sample("b_sum", &[], 0.5)]
        );
    }
}
