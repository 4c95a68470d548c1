//! What CloudWatch makes of the documents: values under a metric's name and dimensions (Amazon
//! CloudWatch User Guide, "Embedded metric format specification").

use std::collections::BTreeMap;

use serde_json::Value;

/// A metric with the values of its dimensions.
pub(super) type Series = (String, BTreeMap<String, String>);

/// What came in a series: of counters and gauges the sum alone, of histograms the count too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub(super) count: f64,
    pub(super) sum: f64,
}

impl Total {
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    /// Whether both are the same, but for the rounding of sums.
    pub(super) fn is(self, other: Self) -> bool {
        let close = |one: f64, other: f64| (one - other).abs() < 1e-6;
        close(self.count, other.count) && close(self.sum, other.sum)
    }
}

/// The totals of each series in the namespace `Picus`.
pub(super) fn totals(documents: &[Value]) -> BTreeMap<Series, Total> {
    let mut totals = BTreeMap::<_, Total>::new();
    for document in documents {
        for directive in each(&document["_aws"]["CloudWatchMetrics"]) {
            assert_eq!(directive["Namespace"], "Picus", "{document}");
            for metric in each(&directive["Metrics"]) {
                let name = metric["Name"].as_str().unwrap();
                for set in each(&directive["Dimensions"]) {
                    let series = (name.to_owned(), dimensions(document, set));
                    totals.entry(series).or_default().add(total(&document[name]));
                }
            }
        }
    }
    totals
}

fn dimensions(document: &Value, set: &Value) -> BTreeMap<String, String> {
    let value = |name: &str| {
        let value = document[name].as_str().unwrap_or_default();
        assert!(!value.is_empty(), "CloudWatch takes no empty dimension: {name} in {document}");
        value.to_owned()
    };
    each(set)
        .iter()
        .map(|name| name.as_str().unwrap())
        .map(|name| (name.to_owned(), value(name)))
        .collect()
}

fn total(value: &Value) -> Total {
    match value.as_f64() {
        Some(sum) => Total { count: 0.0, sum },
        None => {
            Total { count: value["Count"].as_f64().unwrap(), sum: value["Sum"].as_f64().unwrap() }
        }
    }
}

fn each(array: &Value) -> &[Value] {
    array.as_array().map_or(&[], Vec::as_slice)
}
