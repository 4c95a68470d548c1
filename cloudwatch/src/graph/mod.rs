//! Computes what a dashboard's metric widget shows ("Dashboard body structure and syntax", "Metric widget").

mod rows;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;

use crate::dashboard::{Search, search};
use crate::data::History;
use crate::expression::Expression;
use crate::math::{Named, Series, Value};
use crate::metric::{Metric, Statistic};
use rows::{Source, rows};

/// What a widget shows.
#[derive(Debug, Default, PartialEq)]
pub struct Graph {
    /// Its lines, in their order.
    pub lines: Vec<Line>,
    /// What CloudWatch would refuse, or ignore.
    pub problems: Vec<String>,
}

/// One line of a widget.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub label: String,
    /// Its colour, if the widget chooses one.
    pub color: Option<String>,
    /// Whether its axis is the right one.
    pub right: bool,
    /// A point a minute, each over the line's period. One point if the period is the whole range.
    pub points: Series,
    /// Why it has no point.
    pub empty: Option<String>,
}

/// What the widget with these properties shows of these minutes.
#[must_use]
pub fn graph(properties: &Json, history: &History, minutes: &Range<usize>) -> Graph {
    let mut shown = Graph::default();
    let rows = rows(properties, &mut shown.problems);
    let whole = properties["setPeriodToTimeRange"] == true;
    let window = Window { history, minutes, whole };
    let mut named = Named::default();
    let mut searched = Vec::new();
    let mut expressions = Vec::new();
    for row in &rows {
        match &row.source {
            Source::Metric(metric, statistic, period) => {
                named.metrics.push((&row.id, window.series(metric, *statistic, *period)));
            }
            Source::Expression(text) => match window.expanded(text, &row.id, &mut searched) {
                Ok(expression) => expressions.push((&row.id, expression)),
                Err(problem) => shown.problems.push(problem),
            },
        }
    }
    for (id, _, series) in &searched {
        named.metrics.push((id, series.clone()));
    }
    named.expressions =
        expressions.iter().map(|(id, expression)| (id.as_str(), expression)).collect();
    for row in rows.iter().filter(|row| row.visible) {
        let mut add = |label: String, points: Series, why: &dyn Fn() -> String| {
            let is_empty = points.iter().all(Option::is_none);
            shown.lines.push(Line {
                label,
                color: row.color.clone(),
                right: row.right,
                empty: is_empty.then(why),
                points,
            });
        };
        let label = row.label.clone();
        match &row.source {
            Source::Metric(metric, statistic, period) => {
                let points = window.series(metric, *statistic, *period);
                add(label.unwrap_or_else(|| metric.name.clone()), points, &|| window.why(metric));
            }
            Source::Expression(text) if text.trim_start().starts_with("SEARCH(") => {
                let found: Vec<_> =
                    searched.iter().filter(|(id, ..)| of_row(id, &row.id)).collect();
                if found.is_empty() && expressions.iter().any(|(id, _)| **id == row.id) {
                    add(label.clone().unwrap_or_default(), Vec::new(), &|| {
                        format!("the search finds no metric: {text}")
                    });
                }
                for (_, metric, points) in &found {
                    let own = distinct(metric, &found);
                    let label = [label.clone().unwrap_or_default(), own].join(" ");
                    add(label.trim().to_owned(), points.clone(), &|| window.why(metric));
                }
            }
            Source::Expression(text) => {
                let known = expressions.iter().any(|(id, _)| **id == row.id);
                let value = known.then(|| named.value(&Expression::Id(row.id.clone())));
                let why = || format!("no value in these minutes: {text}");
                let label = label.unwrap_or_else(|| row.id.clone());
                match value {
                    None => {}
                    Some(Ok(Value::Series(points))) => add(label, points, &why),
                    Some(Ok(Value::Scalar(number))) => {
                        let points = if whole { 1 } else { minutes.len() };
                        add(label, vec![Some(number); points], &why);
                    }
                    Some(Ok(Value::Array(all))) => {
                        for points in all {
                            add(label.clone(), points, &why);
                        }
                    }
                    Some(Err(error)) => shown.problems.push(format!("{text}: {error}")),
                }
            }
        }
    }
    shown
}

fn of_row(id: &str, row: &str) -> bool {
    id.strip_prefix(row).is_some_and(|rest| rest.starts_with('\u{0}'))
}

/// The values of those dimensions in which a found metric differs from another.
fn distinct(metric: &Metric, found: &[&(String, Metric, Series)]) -> String {
    let differs = |name: &String, value: &String| {
        found.iter().any(|(_, other, _)| other.dimensions.get(name) != Some(value))
    };
    let own = metric.dimensions.iter().filter(|(name, value)| differs(name, value));
    let own: Vec<_> = own.map(|(_, value)| value.as_str()).collect();
    if own.is_empty() { metric.name.clone() } else { own.join(" ") }
}

struct Window<'a> {
    history: &'a History,
    minutes: &'a Range<usize>,
    /// Whether the period is the whole range.
    whole: bool,
}

impl Window<'_> {
    fn series(&self, metric: &Metric, statistic: Statistic, period: usize) -> Series {
        if self.whole {
            let length = self.minutes.len();
            return vec![self.history.statistic(metric, statistic, self.minutes.end, length)];
        }
        let point = |minute| self.history.statistic(metric, statistic, minute + 1, period / 60);
        self.minutes.clone().map(point).collect()
    }

    /// An expression whose searches are replaced by what they find. This is added to `found`, with ids of its own.
    fn expanded(
        &self,
        text: &str,
        id: &str,
        found: &mut Vec<(String, Metric, Series)>,
    ) -> Result<Expression, String> {
        let (mut rest, mut whole) = (text, Vec::new());
        let refused = || format!("the search can't be read: {text}");
        while let Some((before, after)) = rest.split_once("SEARCH(") {
            let end = after.find(')').ok_or_else(refused)?;
            let quoted = after[..end].strip_prefix('\'').ok_or_else(refused)?;
            let (wanted, statistic): (Search, _) = search(quoted).ok_or_else(refused)?;
            let period = quoted.rsplit(',').next().and_then(|period| period.trim().parse().ok());
            let mut metrics: Vec<_> =
                self.history.metrics().filter(|metric| wanted.finds(metric)).cloned().collect();
            metrics.sort();
            for metric in metrics {
                let points = self.series(&metric, statistic, period.unwrap_or(300));
                if points.iter().any(Option::is_some) {
                    whole.push(format!("{id}\u{0}{}", whole.len()));
                    found.push((format!("{id}\u{0}{}", whole.len() - 1), metric, points));
                }
            }
            if !before.trim().is_empty() {
                return Err(format!("only a SEARCH that stands by itself is drawn here: {text}"));
            }
            rest = &after[end + 1..];
        }
        if rest.len() == text.len() {
            return Expression::parse(text).map_err(|error| error.to_string());
        }
        Ok(Expression::Array(whole.into_iter().map(Expression::Id).collect()))
    }

    /// Why a metric has no points.
    fn why(&self, metric: &Metric) -> String {
        let known: Vec<&Metric> = self.history.metrics().collect();
        if known.contains(&metric) {
            let any =
                |minute| self.history.statistic(metric, Statistic::SampleCount, minute + 1, 1);
            return if self.minutes.clone().any(|minute| any(minute).is_some()) {
                "there is data, but without single values, so it has no percentiles".to_owned()
            } else {
                "no data in these minutes".to_owned()
            };
        }
        let Metric { namespace, name, dimensions } = metric;
        let same: Vec<_> = known
            .into_iter()
            .filter(|known| known.namespace == *namespace && known.name == *name)
            .collect();
        let Some(first) = same.first() else {
            return format!("nothing has reported {namespace} {name} yet");
        };
        let names = |of: &BTreeMap<String, String>| {
            let names: Vec<_> = of.keys().map(String::as_str).collect();
            if names.is_empty() {
                "no dimensions".to_owned()
            } else {
                format!("[{}]", names.join(", "))
            }
        };
        if same.iter().all(|known| !known.dimensions.keys().eq(dimensions.keys())) {
            return format!(
                "{namespace} {name} has been reported with {}, not with {}",
                names(&first.dimensions),
                names(dimensions)
            );
        }
        format!("nothing has reported {metric} yet")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::data::{Datum, Minute};

    fn history() -> History {
        let mut history = History::default();
        for number in 0..4 {
            let value = f64::from(number);
            let data =
                [("1", Datum::of(&[value])), ("2", Some(Datum::statistics(2.0, 4.0, 1.0, 3.0)))];
            let data = data.into_iter().filter_map(|(d, datum)| {
                Some((Metric::new("N", "m", &[("d", d)]), Arc::new(datum?)))
            });
            history.push(&Minute(data.collect()));
        }
        history
    }

    fn of(properties: &Json) -> Graph {
        graph(properties, &history(), &(1..4))
    }

    fn line(label: &str, points: &[f64]) -> (String, Series) {
        (label.to_owned(), points.iter().copied().map(Some).collect())
    }

    #[test]
    fn metrics_math_and_searches_give_one_point_a_minute() {
        let shown = of(&json!({ "stat": "Sum", "period": 60, "metrics": [
            ["N", "m", "d", "1", { "id": "a", "label": "one" }],
            ["...", "2", { "id": "b", "visible": false }],
            [{ "expression": "a + b", "id": "c", "yAxis": "right", "color": "#ff0000" }],
            ["N", "m", "d", "1", { "period": 120 }],
            [{ "expression": "SEARCH('{N,d} MetricName=\"m\"', 'Maximum', 60)", "label": "most" }],
        ] }));
        assert_eq!(shown.problems, Vec::<String>::new());
        let lines = shown.lines.iter().map(|line| (line.label.clone(), line.points.clone()));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                line("one", &[1.0, 2.0, 3.0]),
                line("c", &[5.0, 6.0, 7.0]),
                line("m", &[1.0, 3.0, 5.0]),
                line("most 1", &[1.0, 2.0, 3.0]),
                line("most 2", &[3.0, 3.0, 3.0]),
            ]
        );
        assert_eq!(
            (shown.lines[1].right, shown.lines[1].color.as_deref()),
            (true, Some("#ff0000"))
        );
    }

    #[test]
    fn the_whole_range_is_one_point() {
        let shown =
            of(&json!({ "stat": "Sum", "period": 60, "setPeriodToTimeRange": true, "metrics": [
            ["N", "m", "d", "1", { "id": "a", "visible": false }], [{ "expression": "100 * a" }],
        ] }));
        assert_eq!(shown.lines[0].points, [Some(600.0)]);
    }

    #[test]
    fn a_line_without_points_says_why() {
        let why = |row: Json| {
            let shown = of(&json!({ "stat": "p99", "period": 60, "metrics": [row] }));
            assert_eq!(shown.problems, Vec::<String>::new());
            shown.lines[0].empty.clone().unwrap_or_default()
        };
        for (row, words) in [
            (json!(["N", "m", "d", "2"]), "it has no percentiles"),
            (json!(["N", "none", "d", "2"]), "nothing has reported N none yet"),
            (json!(["N", "m", "e", "2"]), "N m has been reported with [d], not with [e]"),
            (json!(["N", "m", "d", "3"]), "nothing has reported N m {d=3} yet"),
            (
                json!([{ "expression": "SEARCH('{N,x} MetricName=\"m\"', 'Sum', 60)" }]),
                "finds no metric",
            ),
        ] {
            assert!(why(row).contains(words), "{words}");
        }
        assert_eq!(why(json!(["N", "m", "d", "1"])), "", "it has points");
    }

    #[test]
    fn a_graph_that_cloudwatch_would_refuse_is_a_problem() {
        for row in [
            json!("N"),
            json!([]),
            json!(["N", "m", "d"]),
            json!(["..."]),
            json!(["N", "m", { "stat": "most" }]),
            json!(["N", "m", { "period": 61 }]),
            json!([{ "expression": "a +" }]),
            json!([{ "expression": "gone + 1" }]),
            json!([{ "expression": "SEARCH('{N} m', 'Sum', 60)" }]),
        ] {
            let shown = of(&json!({ "metrics": [row] }));
            assert_eq!((shown.problems.len(), shown.lines.len()), (1, 0), "{row}: {shown:?}");
        }
    }
}
