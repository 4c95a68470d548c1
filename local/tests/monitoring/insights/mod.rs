//! CloudWatch Logs Insights, as much of it as the queries of runbooks and dashboards use (Amazon
//! CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax"). What it does not know
//! fails the test that asked, and so does a filter whose outcome hangs on what the guide leaves open:
//! whether a field that a line lacks is different from a text.

mod reader;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// A log line's fields, or a result's columns.
pub(crate) type Row = BTreeMap<String, Value>;

/// A line as CloudWatch Logs keeps it: JSON's fields discovered, those of objects by their paths.
pub(crate) fn line(stream: &str, text: &str) -> Row {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
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

/// A query that has been read.
pub(crate) struct Query {
    commands: Vec<Command>,
    /// The fields of lines that it names.
    pub(crate) fields: BTreeSet<String>,
}

type Condition = Box<dyn Fn(&Row) -> Option<bool>>;
type Expression = Box<dyn Fn(&Row) -> Option<Value>>;
type Aggregate = Box<dyn Fn(&[&Row]) -> Option<Value>>;

enum Command {
    Filter(Condition),
    Fields(Vec<String>),
    Stats { columns: Vec<(String, Aggregate)>, by: Vec<(String, Expression)> },
    Sort(Vec<(String, bool)>),
    Limit(usize),
}

impl Query {
    pub(crate) fn read(text: &str) -> Self {
        reader::read(text)
    }

    /// The fields that it shows; none named, where its results are of other columns.
    pub(crate) fn shown(&self) -> &[String] {
        let mut shown = self.commands.iter().rev().filter_map(|command| match command {
            Command::Fields(names) => Some(names.as_slice()),
            _ => None,
        });
        shown.next().unwrap_or_default()
    }

    /// Its results.
    pub(crate) fn run(&self, lines: &[Row]) -> Vec<Row> {
        let mut rows = lines.to_vec();
        let mut shown = None;
        for command in &self.commands {
            match command {
                Command::Filter(condition) => rows.retain(|row| {
                    condition(row).unwrap_or_else(|| panic!("a field is lacking in {row:?}"))
                }),
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
        rows
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

/// A value as the text that it is compared as.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map(|number| number.to_string()).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Row> {
        [
            r#"{"kind":"a","n":1,"deep":{"er":true}}"#,
            r#"{"kind":"a","n":5,"some.text":"x y"}"#,
            r#"{"kind":"b","n":30}"#,
            "plain text",
        ]
        .map(|text| line("one/two", text))
        .into()
    }

    fn numbers(query: &str) -> Vec<f64> {
        let rows = Query::read(query).run(&lines());
        rows.iter().filter_map(|row| row.get("n")?.as_f64()).collect()
    }

    #[test]
    fn lines_are_filtered() {
        for (filter, found) in [
            ("kind = 'a'", vec![1.0, 5.0]),
            ("ispresent(kind) and kind != 'a'", vec![30.0]),
            ("n >= 5 and n < 30", vec![5.0]),
            ("kind = 'b' or n = 1", vec![1.0, 30.0]),
            ("kind = 'b' or deep.er = 1", vec![1.0, 30.0]),
            ("`some.text` like /(?i)X\\s/", vec![5.0]),
            ("@message like '\"n\":5'", vec![5.0]),
            ("(kind = 'a' or kind = 'b') and not ispresent(deep.er)", vec![5.0, 30.0]),
            ("@message not like /kind/", vec![]),
        ] {
            assert_eq!(numbers(&format!("filter {filter}")), found, "{filter}");
        }
    }

    #[test]
    fn results_are_sorted_cut_off_and_shown() {
        assert_eq!(numbers("filter kind = 'a' | fields kind, n | sort n desc | limit 1"), [5.0]);
        let rows = Query::read("filter n = 5 | fields kind").run(&lines());
        assert_eq!(rows, [Row::from([("kind".to_owned(), json!("a"))])]);
    }

    #[test]
    fn lines_are_counted_and_grouped() {
        let query = "filter ispresent(n) | stats count(*) as lines, sum(n) as n, max(n) as most, \
            min(n) as least, pct(n, 50) as half, sum(strcontains(kind, 'a')) as having by bin(1d), kind \
            | sort kind asc";
        let rows = Query::read(query).run(&lines());
        let column = |name: &str| -> Vec<f64> {
            rows.iter().map(|row| row[name].as_f64().unwrap()).collect()
        };
        assert_eq!(column("lines"), [2.0, 1.0]);
        assert_eq!(column("n"), [6.0, 30.0]);
        assert_eq!(column("most"), [5.0, 30.0]);
        assert_eq!(column("least"), [1.0, 30.0]);
        assert_eq!(column("half"), [1.0, 30.0]);
        assert_eq!(column("having"), [2.0, 0.0]);
        assert!(rows[0]["bin(1d)"].as_f64().unwrap() % 8.64e7 < 1.0);
    }

    #[test]
    fn a_query_that_is_not_understood_fails() {
        for query in [
            "parse @message '*' as a",
            "filter kind ~ 'a'",
            "filter",
            "stats count(*) as lines by kind | sort n",
            "stats median(n) as n by kind",
            "filter kind = 'a' fields n",
            // Whether it finds the line without the field, the guide does not say.
            "filter kind != 'a'",
        ] {
            let run = || Query::read(query).run(&lines());
            assert!(std::panic::catch_unwind(run).is_err(), "{query}");
        }
    }
}
