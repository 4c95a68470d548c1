//! The metrics that a dashboard shows ("Dashboard body structure and syntax").

use std::collections::BTreeSet;

use serde_json::Value;

use super::metric::Metric;

/// What a dashboard refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Metrics, by their whole names.
    pub metrics: BTreeSet<Metric>,
    /// Searches for metrics.
    pub searches: BTreeSet<Search>,
}

/// A search: for the metrics of a name that have exactly these dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Search {
    /// Who publishes them.
    pub namespace: String,
    /// The names of their dimensions.
    pub dimensions: BTreeSet<String>,
    /// What they measure.
    pub name: String,
}

/// A dashboard that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a dashboard can't show {0}")]
pub struct NotShown(String);

/// What a dashboard's body refers to, in all its widgets.
///
/// # Errors
/// A row of metrics, or a search, that is not of CloudWatch's form.
pub fn references(body: &Value) -> Result<References, NotShown> {
    let mut references = References::default();
    for widget in body["widgets"].as_array().into_iter().flatten() {
        let mut before: Vec<String> = Vec::new();
        for row in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let refused = || NotShown(row.to_string());
            let row = row.as_array().ok_or_else(refused)?;
            let words: Vec<&str> = row.iter().filter_map(Value::as_str).collect();
            if words.is_empty() {
                let expression = row.first().and_then(|options| options["expression"].as_str());
                references.searches.extend(searches(expression.ok_or_else(refused)?)?);
                continue;
            }
            let whole = unabbreviated(&words, &before).ok_or_else(refused)?;
            references.metrics.insert(metric(&whole).ok_or_else(refused)?);
            before = whole;
        }
    }
    Ok(references)
}

/// `.` stands for the word above, `...` for all words above that are not given.
fn unabbreviated(words: &[&str], before: &[String]) -> Option<Vec<String>> {
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

fn metric(words: &[String]) -> Option<Metric> {
    let [namespace, name, dimensions @ ..] = words else { return None };
    let (pairs, []) = dimensions.as_chunks::<2>() else { return None };
    let pairs = pairs.iter().map(|[name, value]| (name.clone(), value.clone()));
    Some(Metric { namespace: namespace.clone(), name: name.clone(), dimensions: pairs.collect() })
}

/// The searches in an expression: `SEARCH('{Namespace,Dimension,…} MetricName="name" …', …)`.
fn searches(expression: &str) -> Result<Vec<Search>, NotShown> {
    let parts = expression.split("SEARCH('").skip(1);
    parts.map(|part| search(part).ok_or_else(|| NotShown(expression.to_owned()))).collect()
}

fn search(text: &str) -> Option<Search> {
    let (schema, terms) = text.strip_prefix('{')?.split_once('}')?;
    let mut words = schema.split(',').map(str::to_owned);
    let (_, name) = terms.split_once("MetricName=\"")?;
    Some(Search {
        namespace: words.next()?,
        dimensions: words.collect(),
        name: name.split_once('"')?.0.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(rows: &Value) -> Result<References, NotShown> {
        references(&json!({ "widgets": [{ "properties": { "metrics": rows } }] }))
    }

    #[test]
    fn rows_are_read_with_their_abbreviations() {
        let found = of(&json!([
            ["N", "a", "D", "1", "E", "2", { "id": "x" }],
            [".", "b", ".", ".", ".", "3"],
            ["...", "4"],
            [{ "expression": "SUM(SEARCH('{P,x,y} x=\"1\" MetricName=\"c\"', 'Sum', 60))" }],
        ]));
        let metrics = [("a", "2"), ("b", "3"), ("b", "4")]
            .map(|(name, e)| Metric::new("N", name, &[("D", "1"), ("E", e)]));
        let search = Search {
            namespace: "P".to_owned(),
            dimensions: ["x", "y"].map(str::to_owned).into(),
            name: "c".to_owned(),
        };
        let expected = References { metrics: metrics.into(), searches: [search].into() };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn half_a_dimension_is_refused() {
        for rows in [json!([["N", "a", "D"]]), json!([["N"]]), json!(["N"]), json!([["..."]])] {
            assert!(of(&rows).is_err(), "{rows}");
        }
    }
}
