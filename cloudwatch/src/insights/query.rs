//! A query and its results.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The fields of a log line, or the columns of a result.
pub type Row = BTreeMap<String, Value>;

/// A line as CloudWatch Logs stores it: JSON fields, with nested ones named by their paths.
#[must_use]
pub fn line(stream: &str, text: &str) -> Row {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut row = Row::from([
        ("@timestamp".to_owned(), json!(now.as_secs_f64() * 1e3)),
        ("@message".to_owned(), json!(text)),
        ("@logStream".to_owned(), json!(stream)),
    ]);
    if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
        fields.into_iter().for_each(|(name, value)| discover(&mut row, name, value));
    }
    row
}

fn discover(row: &mut Row, name: String, value: Value) {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .for_each(|(field, value)| discover(row, format!("{name}.{field}"), value)),
        Value::Bool(value) => drop(row.insert(name, json!(u8::from(value)))),
        Value::Null => {}
        value => drop(row.insert(name, value)),
    }
}

/// Why a query has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InsightsError {
    /// The evaluator does not support this part of the query.
    #[error("the query is not understood: {0}")]
    NotUnderstood(String),
    /// The guide does not say whether a missing field differs from a text.
    #[error("a field that the filter compares is lacking in {0}")]
    FieldLacking(String),
}

/// A parsed query.
pub struct Query {
    pub(crate) commands: Vec<Command>,
    /// The fields that it uses.
    pub fields: BTreeSet<String>,
}

pub(crate) type Condition = Box<dyn Fn(&Row) -> Option<bool>>;
pub(crate) type Expression = Box<dyn Fn(&Row) -> Option<Value>>;
pub(crate) type Aggregate = Box<dyn Fn(&[&Row]) -> Option<Value>>;

pub(crate) enum Command {
    Filter(Condition),
    Fields(Vec<String>),
    Stats { columns: Vec<(String, Aggregate)>, by: Vec<(String, Expression)> },
    Sort(Vec<(String, bool)>),
    Limit(usize),
}

impl Query {
    /// The fields that it shows; empty if its results have other columns.
    #[must_use]
    pub fn shown(&self) -> &[String] {
        let mut shown = self.commands.iter().rev().filter_map(|command| match command {
            Command::Fields(names) => Some(names.as_slice()),
            _ => None,
        });
        shown.next().unwrap_or_default()
    }

    /// Runs the query.
    ///
    /// # Errors
    /// A filter whose result depends on a missing field.
    pub fn run(&self, lines: &[Row]) -> Result<Vec<Row>, InsightsError> {
        let mut rows = lines.to_vec();
        let mut shown = None;
        for command in &self.commands {
            match command {
                Command::Filter(condition) => {
                    let mut kept = Vec::new();
                    for row in rows {
                        match condition(&row) {
                            Some(true) => kept.push(row),
                            Some(false) => {}
                            None => return Err(InsightsError::FieldLacking(format!("{row:?}"))),
                        }
                    }
                    rows = kept;
                }
                Command::Fields(names) => shown = Some(names),
                Command::Stats { columns, by } => rows = grouped(&rows, columns, by),
                Command::Sort(keys) => rows.sort_by(|a, b| {
                    let orders = keys.iter().map(|(name, descending)| {
                        let order = order(a.get(name), b.get(name));
                        if *descending { order.reverse() } else { order }
                    });
                    orders.fold(Ordering::Equal, Ordering::then)
                }),
                Command::Limit(count) => rows.truncate(*count),
            }
        }
        if let Some(names) = shown {
            for row in &mut rows {
                row.retain(|name, _| names.contains(name));
            }
        }
        Ok(rows)
    }
}

fn grouped(rows: &[Row], columns: &[(String, Aggregate)], by: &[(String, Expression)]) -> Vec<Row> {
    let mut groups: BTreeMap<String, (Row, Vec<&Row>)> = BTreeMap::new();
    for row in rows {
        let key: Row =
            by.iter().filter_map(|(name, value)| Some((name.clone(), value(row)?))).collect();
        groups.entry(json!(key).to_string()).or_insert((key, Vec::new())).1.push(row);
    }
    let result = |(mut row, group): (Row, Vec<&Row>)| {
        row.extend(columns.iter().filter_map(|(name, of)| Some((name.clone(), of(&group)?))));
        row
    };
    groups.into_values().map(result).collect()
}

fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let text = |value: Option<&Value>| value.map(ToString::to_string);
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a_number, b_number) => {
            a_number.is_some().cmp(&b_number.is_some()).then(text(a).cmp(&text(b)))
        }
    }
}

/// A value as text, for comparing.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map(|number| number.to_string()).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("fields", &self.fields).finish_non_exhaustive()
    }
}
