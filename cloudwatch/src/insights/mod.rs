//! Evaluates those parts of CloudWatch Logs Insights that the runbooks' and dashboards' queries use (Amazon
//! CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax"). It refuses other queries. It also
//! refuses a filter whose result the guide leaves open: whether a missing field differs from a text.

mod query;
mod reader;

pub use query::{InsightsError, Query, Row, line};

/// Parses a query.
///
/// # Errors
/// Syntax that is not supported.
pub fn read(text: &str) -> Result<Query, InsightsError> {
    reader::read(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    fn run(query: &str) -> Result<Vec<Row>, InsightsError> {
        read(query)?.run(&lines())
    }

    fn numbers(query: &str) -> Vec<f64> {
        let rows = run(query).unwrap();
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
    fn results_are_sorted_limited_and_projected() {
        assert_eq!(numbers("filter kind = 'a' | fields kind, n | sort n desc | limit 1"), [5.0]);
        let rows = run("filter n = 5 | fields kind").unwrap();
        assert_eq!(rows, [Row::from([("kind".to_owned(), json!("a"))])]);
    }

    #[test]
    fn lines_are_counted_and_grouped() {
        let query = "filter ispresent(n) | stats count(*) as lines, sum(n) as n, max(n) as most, \
            min(n) as least, pct(n, 50) as half, sum(strcontains(kind, 'a')) as having by bin(1d), kind \
            | sort kind asc";
        let rows = run(query).unwrap();
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
    fn an_unknown_query_fails() {
        for query in [
            "parse @message '*' as a",
            "filter kind ~ 'a'",
            "filter",
            "stats count(*) as lines by kind | sort n",
            "stats median(n) as n by kind",
            "filter kind = 'a' fields n",
            // The guide does not say whether this finds lines without the field.
            "filter kind != 'a'",
        ] {
            assert!(run(query).is_err(), "{query}");
        }
    }
}
