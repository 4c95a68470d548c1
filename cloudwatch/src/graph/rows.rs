//! Reads the rows of a widget's metrics.

use serde_json::Value as Json;

use crate::dashboard::{metric, unabbreviated};
use crate::metric::{Metric, Statistic};

/// A row of a widget's metrics.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) label: Option<String>,
    pub(super) color: Option<String>,
    pub(super) right: bool,
    pub(super) visible: bool,
    pub(super) source: Source,
}

/// Where a row's data comes from.
pub(super) enum Source {
    /// A statistic of a metric, with its period in seconds.
    Metric(Metric, Statistic, usize),
    Expression(String),
}

/// The rows of the widget's metrics. One that can't be read is a problem.
pub(super) fn rows(properties: &Json, problems: &mut Vec<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for (number, row) in properties["metrics"].as_array().into_iter().flatten().enumerate() {
        match read(row, properties, &mut before, number) {
            Ok(row) => rows.push(row),
            Err(reason) => problems.push(format!("row {}: {reason}: {row}", number + 1)),
        }
    }
    rows
}

fn read(
    row: &Json,
    properties: &Json,
    before: &mut Vec<String>,
    number: usize,
) -> Result<Row, String> {
    let row = row.as_array().ok_or("it is no list")?;
    let words: Vec<&str> = row.iter().filter_map(Json::as_str).collect();
    let options = row.last().filter(|last| last.is_object()).unwrap_or(&Json::Null);
    let text = |name: &str| options[name].as_str().map(str::to_owned);
    let source = if words.is_empty() {
        Source::Expression(text("expression").ok_or("it has neither a metric nor an expression")?)
    } else {
        let whole = unabbreviated(&words, before).ok_or("no row before it has these words")?;
        let metric = metric(&whole).ok_or("a dimension lacks its name or its value")?;
        *before = whole;
        let statistic = options["stat"].as_str().or(properties["stat"].as_str());
        let statistic = statistic.unwrap_or("Average").parse();
        let period = options["period"].as_u64().or(properties["period"].as_u64()).unwrap_or(300);
        let period = usize::try_from(period).ok().filter(|period| *period > 0 && period % 60 == 0);
        let period = period.ok_or("the period is no multiple of 60")?;
        Source::Metric(metric, statistic.map_err(|error| format!("{error}"))?, period)
    };
    Ok(Row {
        id: text("id").unwrap_or_else(|| format!("row {number}")),
        label: text("label"),
        color: text("color"),
        right: options["yAxis"] == "right",
        visible: options["visible"] != false,
        source,
    })
}
