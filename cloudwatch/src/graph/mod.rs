//! Computes what a dashboard's metric widget shows ("Dashboard body structure and syntax", "Metric widget").

mod rows;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;

use crate::dashboard::wanted_by;
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
            Source::Expression(text) => {
                let parsed = Expression::parse(text).map_err(|error| error.to_string());
                let expanded =
                    parsed.and_then(|parsed| window.expanded(parsed, &row.id, &mut searched));
                match expanded {
                    Ok(expression) => expressions.push((&row.id, expression)),
                    Err(problem) => shown.problems.push(problem),
                }
            }
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
            Source::Expression(text) => {
                let found: Vec<_> =
                    searched.iter().filter(|(id, ..)| of_row(id, &row.id)).collect();
                let known = expressions.iter().any(|(id, _)| **id == row.id);
                let value = known.then(|| named.value(&Expression::Id(row.id.clone())));
                let is_search = text.contains("SEARCH(") && found.is_empty();
                let reason = if is_search {
                    "the search finds no metric"
                } else {
                    "no value in these minutes"
                };
                let why = || format!("{reason}: {text}");
                let own = label.clone().unwrap_or_default();
                let label = label.unwrap_or_else(|| row.id.clone());
                match value {
                    None => {}
                    Some(Ok(Value::Series(points))) => add(label, points, &why),
                    Some(Ok(Value::Scalar(number))) => {
                        let points = if whole { 1 } else { minutes.len() };
                        add(label, vec![Some(number); points], &why);
                    }
                    Some(Ok(Value::Array(all))) if all.is_empty() => add(own, Vec::new(), &why),
                    // Each line of a search has the name of its metric.
                    Some(Ok(Value::Array(all))) if all.len() == found.len() => {
                        for (points, (_, metric, _)) in all.into_iter().zip(&found) {
                            let label = format!("{own} {}", distinct(metric, &found));
                            add(label.trim().to_owned(), points, &why);
                        }
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
        expression: Expression,
        id: &str,
        found: &mut Vec<(String, Metric, Series)>,
    ) -> Result<Expression, String> {
        let mut each = |parts: Vec<Expression>| {
            let expanded = parts.into_iter().map(|part| self.expanded(part, id, found));
            expanded.collect::<Result<Vec<_>, _>>()
        };
        Ok(match expression {
            Expression::Call(name, arguments) if name == "SEARCH" => {
                let first = found.len();
                found.extend(self.search(&arguments, id, first)?);
                let ids = found[first..].iter().map(|(id, ..)| Expression::Id(id.clone()));
                Expression::Array(ids.collect())
            }
            Expression::Call(name, arguments) => Expression::Call(name, each(arguments)?),
            Expression::Array(parts) => Expression::Array(each(parts)?),
            Expression::Binary(operator, left, right) => {
                let left = self.expanded(*left, id, found)?;
                let right = self.expanded(*right, id, found)?;
                Expression::Binary(operator, Box::new(left), Box::new(right))
            }
            leaf @ (Expression::Number(_) | Expression::Text(_) | Expression::Id(_)) => leaf,
        })
    }

    /// What `SEARCH('{Namespace,Dimension,…} Name="value" …', 'Statistic', period)` finds in these minutes. Ids of
    /// found metrics can't be written, and are counted from `first`.
    fn search(
        &self,
        arguments: &[Expression],
        id: &str,
        first: usize,
    ) -> Result<Vec<(String, Metric, Series)>, String> {
        let (wanted, statistic, period) = match arguments {
            [Expression::Text(wanted), Expression::Text(statistic)] => (wanted, statistic, 300.0),
            [Expression::Text(wanted), Expression::Text(statistic), Expression::Number(period)] => {
                (wanted, statistic, *period)
            }
            _ => return Err("SEARCH has a text, a statistic and a period".to_owned()),
        };
        let refused = || format!("the search can't be read: {wanted}");
        let search = wanted_by(wanted).ok_or_else(refused)?;
        let statistic: Statistic = statistic.parse().map_err(|error| format!("{error}"))?;
        // The number is exact, and its text is that of a whole number.
        let period =
            period.to_string().parse().ok().filter(|period| period % 60 == 0 && *period > 0);
        let period = period.ok_or_else(|| format!("the period is no multiple of 60: {wanted}"))?;
        let mut metrics: Vec<_> =
            self.history.metrics().filter(|metric| search.finds(metric)).cloned().collect();
        metrics.sort();
        let drawn = metrics.into_iter().map(|metric| {
            let points = self.series(&metric, statistic, period);
            (metric, points)
        });
        let drawn = drawn.filter(|(_, points)| points.iter().any(Option::is_some));
        let numbered = drawn.zip(first..);
        Ok(numbered
            .map(|((metric, points), number)| (format!("{id}\u{0}{number}"), metric, points))
            .collect())
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
            [{ "expression": "SUM(SEARCH('{N,d} MetricName=\"m\"', 'Maximum', 60))", "label": "all" }],
            [{ "expression": "FILL(SEARCH('{N,d} MetricName=\"m\"', 'Maximum', 60), 0) * 10", "label": "filled" }],
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
                line("all", &[4.0, 5.0, 6.0]),
                line("filled 1", &[10.0, 20.0, 30.0]),
                line("filled 2", &[30.0, 30.0, 30.0]),
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
            (
                json!([{ "expression": "MAX(SEARCH('{N,x} MetricName=\"m\"', 'Sum', 60))" }]),
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
            json!([{ "expression": "SEARCH('{N} MetricName=\"m\"', 'Sum', 61)" }]),
            json!([{ "expression": "SEARCH('{N} MetricName=\"m\"')" }]),
            json!([{ "expression": "SORT(SEARCH('{N,d} MetricName=\"m\"', 'Sum', 60), MAX, DESC)" }]),
        ] {
            let shown = of(&json!({ "metrics": [row] }));
            assert_eq!((shown.problems.len(), shown.lines.len()), (1, 0), "{row}: {shown:?}");
        }
    }
}
