//! Documents in the embedded metric format ("Specification: Embedded metric format").

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::Datum;
use crate::metric::Metric;

/// The metrics in a line; none if it is not such a document. Parts that do not follow the specification are ignored,
/// as CloudWatch does.
#[must_use]
pub fn metrics(line: &str) -> Vec<(Metric, Datum)> {
    if !line.contains("\"_aws\"") {
        return Vec::new();
    }
    let document: Value = serde_json::from_str(line).unwrap_or_default();
    let mut metrics = Vec::new();
    for directive in list(&document["_aws"]["CloudWatchMetrics"]) {
        let namespace = directive["Namespace"].as_str().unwrap_or_default();
        for definition in list(&directive["Metrics"]) {
            let Some(name) = definition["Name"].as_str() else { continue };
            let Some(datum) = datum(&document[name]) else { continue };
            for set in list(&directive["Dimensions"]) {
                let pair = |name: &Value| {
                    let name = name.as_str()?;
                    // If a dimension has no value, or an empty one, the whole set is refused.
                    let value = document[name].as_str().filter(|value| !value.is_empty())?;
                    Some((name.to_owned(), value.to_owned()))
                };
                let dimensions: Option<BTreeMap<_, _>> = list(set).iter().map(pair).collect();
                if let Some(dimensions) = dimensions {
                    let (namespace, name) = (namespace.to_owned(), name.to_owned());
                    metrics.push((Metric { namespace, name, dimensions }, datum.clone()));
                }
            }
        }
    }
    metrics
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// One number, several numbers, statistics, or `Values` with `Counts`.
fn datum(value: &Value) -> Option<Datum> {
    let number = |name: &str| value[name].as_f64();
    match value {
        Value::Number(number) => Datum::of(&[number.as_f64()?]),
        Value::Array(values) => {
            Datum::of(&values.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()?)
        }
        Value::Object(_) if value["Values"].is_array() => {
            let (values, counts) = (list(&value["Values"]), list(&value["Counts"]));
            // Without counts, each value came once.
            let count = |at: usize| match counts {
                [] => Some(1.0),
                counts => counts.get(at)?.as_f64(),
            };
            let pair = |(at, value): (usize, &Value)| Some((value.as_f64()?, count(at)?));
            let pairs = values.iter().enumerate().map(pair).collect::<Option<Vec<_>>>()?;
            Datum::distribution(&pairs)
        }
        Value::Object(_) => Some(Datum::statistics(
            number("Count")?,
            number("Sum")?,
            number("Min")?,
            number("Max")?,
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_all_its_dimension_sets() {
        let line = r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N",
            "Dimensions":[["a"],["a","b"],["a","empty"],["a","none"]],
            "Metrics":[{"Name":"n"},{"Name":"s","Unit":"Seconds"},{"Name":"v"},{"Name":"gone"}]}]},
            "a":"1","b":"2","empty":"","n":3,"s":{"Count":2,"Sum":5,"Min":1,"Max":4},
            "v":{"Values":[1,10],"Counts":[3,1]}}"#;
        let found = metrics(line);
        assert_eq!(found.len(), 6, "{found:?}");
        let of = |name: &str, dimensions: &[(&str, &str)]| {
            let metric = Metric::new("N", name, dimensions);
            found.iter().find(|(found, _)| *found == metric).map(|(_, datum)| datum.clone())
        };
        assert_eq!(of("n", &[("a", "1")]), Datum::of(&[3.0]));
        assert_eq!(of("s", &[("a", "1"), ("b", "2")]), Some(Datum::statistics(2.0, 5.0, 1.0, 4.0)));
        assert_eq!(of("v", &[("a", "1")]), Datum::distribution(&[(1.0, 3.0), (10.0, 1.0)]));
    }

    #[test]
    fn other_lines_hold_no_metrics() {
        for line in
            ["", "text", "{}", "{\"message\":\"_aws\"}", "{\"_aws\": {\"CloudWatchMetrics\": 1}}"]
        {
            assert!(metrics(line).is_empty(), "{line}");
        }
    }
}
