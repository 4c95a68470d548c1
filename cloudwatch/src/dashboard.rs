//! The metrics that a dashboard shows ("Dashboard body structure and syntax").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::metric::{Metric, Statistic};

/// One widget, and the metrics that it shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// The title.
    pub title: String,
    /// Metrics with their statistics.
    pub metrics: Vec<(Metric, Statistic)>,
    /// Searches for metrics, with their statistics.
    pub searches: Vec<(Search, Statistic)>,
}

impl Panel {
    /// All metrics and searches of the widget.
    pub fn references(&self) -> impl Iterator<Item = Search> {
        let named = self.metrics.iter().map(|(metric, _)| Search::of(metric));
        named.chain(self.searches.iter().map(|(search, _)| search.clone()))
    }
}

/// Finds metrics with this name and exactly these dimensions. Some dimensions must have a given value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Search {
    /// The publisher's namespace.
    pub namespace: String,
    /// The names of their dimensions.
    pub dimensions: BTreeSet<String>,
    /// The metrics' name.
    pub name: String,
    /// The values that dimensions must have.
    pub values: BTreeMap<String, String>,
}

impl Search {
    /// A search that finds only this metric.
    #[must_use]
    pub fn of(metric: &Metric) -> Self {
        let Metric { namespace, name, dimensions } = metric.clone();
        Self {
            namespace,
            name,
            dimensions: dimensions.keys().cloned().collect(),
            values: dimensions,
        }
    }

    /// Whether it finds this metric.
    #[must_use]
    pub fn finds(&self, metric: &Metric) -> bool {
        metric.namespace == self.namespace
            && metric.name == self.name
            && metric.dimensions.keys().eq(&self.dimensions)
            && self.values.iter().all(|(name, value)| metric.dimensions.get(name) == Some(value))
    }
}

/// A dashboard that can't be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a dashboard can't show {0}")]
pub struct NotShown(String);

/// The widgets of a dashboard's body that show metrics.
///
/// # Errors
/// A row of metrics, or a search, that CloudWatch would refuse.
pub fn panels(body: &Value) -> Result<Vec<Panel>, NotShown> {
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let shown = widgets.filter(|widget| widget["properties"]["metrics"].is_array());
    shown.map(|widget| panel(&widget["properties"])).collect()
}

fn panel(properties: &Value) -> Result<Panel, NotShown> {
    let title = properties["title"].as_str().unwrap_or_default().to_owned();
    let mut panel = Panel { title, ..Panel::default() };
    let mut before: Vec<String> = Vec::new();
    for row in properties["metrics"].as_array().into_iter().flatten() {
        let refused = || NotShown(row.to_string());
        let row = row.as_array().ok_or_else(refused)?;
        let words: Vec<&str> = row.iter().filter_map(Value::as_str).collect();
        let options = row.last().filter(|last| last.is_object()).unwrap_or(&Value::Null);
        if words.is_empty() {
            let expression = options["expression"].as_str();
            panel.searches.extend(searches(expression.ok_or_else(refused)?)?);
            continue;
        }
        let whole = unabbreviated(&words, &before).ok_or_else(refused)?;
        let statistic = options["stat"].as_str().or(properties["stat"].as_str());
        let statistic = statistic.and_then(|text| text.parse().ok()).ok_or_else(refused)?;
        panel.metrics.push((metric(&whole).ok_or_else(refused)?, statistic));
        before = whole;
    }
    Ok(panel)
}

/// `.` repeats the word above. `...` repeats all words above that are left out.
pub(crate) fn unabbreviated(words: &[&str], before: &[String]) -> Option<Vec<String>> {
    if let ["...", rest @ ..] = words {
        let kept = before.len().checked_sub(rest.len())?;
        return Some(
            before[..kept].iter().cloned().chain(rest.iter().map(ToString::to_string)).collect(),
        );
    }
    let word = |(index, word): (usize, &&str)| match *word {
        "." => before.get(index).cloned(),
        word => Some(word.to_owned()),
    };
    words.iter().enumerate().map(word).collect()
}

pub(crate) fn metric(words: &[String]) -> Option<Metric> {
    let [namespace, name, dimensions @ ..] = words else { return None };
    let (pairs, []) = dimensions.as_chunks::<2>() else { return None };
    let pairs = pairs.iter().map(|[name, value]| (name.clone(), value.clone()));
    Some(Metric { namespace: namespace.clone(), name: name.clone(), dimensions: pairs.collect() })
}

/// The searches in an expression: `SEARCH('{Namespace,Dimension,…} Name="value" …', 'Statistic', …)`.
fn searches(expression: &str) -> Result<Vec<(Search, Statistic)>, NotShown> {
    let parts = expression.split("SEARCH('").skip(1);
    parts.map(|part| search(part).ok_or_else(|| NotShown(expression.to_owned()))).collect()
}

fn search(text: &str) -> Option<(Search, Statistic)> {
    let (wanted, rest) = text.split_once('\'')?;
    let statistic = rest.split('\'').nth(1)?.parse().ok()?;
    Some((wanted_by(wanted)?, statistic))
}

/// What a search wants: `{Namespace,Dimension,…} Name="value" …`.
pub(crate) fn wanted_by(text: &str) -> Option<Search> {
    let (schema, terms) = text.strip_prefix('{')?.split_once('}')?;
    let mut words = schema.split(',').map(str::to_owned);
    let term = |term: &str| {
        let (name, value) = term.split_once("=\"")?;
        Some((name.to_owned(), value.strip_suffix('"')?.to_owned()))
    };
    let mut values: BTreeMap<_, _> = terms.split_whitespace().map(term).collect::<Option<_>>()?;
    let (namespace, name) = (words.next()?, values.remove("MetricName")?);
    Some(Search { namespace, dimensions: words.collect(), name, values })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(rows: &Value) -> Result<Panel, NotShown> {
        let properties = json!({ "title": "t", "stat": "Sum", "metrics": rows });
        let body = json!({ "widgets": [{ "properties": properties }, { "properties": {} }] });
        panels(&body).map(|mut panels| panels.remove(0))
    }

    #[test]
    fn rows_are_read_with_their_abbreviations() {
        let found = of(&json!([
            ["N", "a", "D", "1", "E", "2", { "id": "x" }],
            [".", "b", ".", ".", ".", "3", { "stat": "p99" }],
            ["...", "4"],
            [{ "expression": "SUM(SEARCH('{P,x,y} x=\"1\" MetricName=\"c\"', 'p99.9', 60))" }],
        ]))
        .unwrap();
        let statistics = [Statistic::Sum, Statistic::Percentile(99.0), Statistic::Sum];
        let metrics = [("a", "2"), ("b", "3"), ("b", "4")]
            .map(|(name, e)| Metric::new("N", name, &[("D", "1"), ("E", e)]));
        assert_eq!(found.metrics, metrics.into_iter().zip(statistics).collect::<Vec<_>>());
        let [(search, statistic)] = &found.searches[..] else { panic!("{found:?}") };
        assert_eq!(*statistic, Statistic::Percentile(99.9));
        for (x, y, finds) in [("1", "2", true), ("2", "2", false)] {
            assert_eq!(search.finds(&Metric::new("P", "c", &[("x", x), ("y", y)])), finds);
        }
        for other in [Metric::new("P", "c", &[("x", "1")]), Metric::new("P", "d", &[])] {
            assert!(!search.finds(&other), "{other}");
        }
    }

    #[test]
    fn half_a_dimension_and_half_a_term_are_refused() {
        let search = |terms: &str| json!([[{ "expression": format!("SEARCH('{{P,x}} {terms}', 'Sum', 60)") }]]);
        for rows in [
            json!([["N", "a", "D"]]),
            json!([["N"]]),
            json!(["N"]),
            json!([["..."]]),
            json!([["N", "a", { "stat": "most" }]]),
            search("x=1 MetricName=\"c\""),
            search("x=\"1\""),
            search("c"),
            json!([[{ "expression": "SEARCH('{P,x} MetricName=\"c\"', 'most', 60)" }]]),
        ] {
            assert!(of(&rows).is_err(), "{rows}");
        }
    }
}
