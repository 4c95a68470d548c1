//! What an exporter of the collector reports: its `metric_declarations`.

use std::collections::BTreeMap;

use picus_cloudwatch::data::Datum;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use regex::Regex;
use serde_json::Value;

/// The declarations of one exporter.
#[derive(Debug)]
pub(crate) struct Declarations {
    namespace: String,
    all: Vec<Declaration>,
}

/// Metrics by name, and the dimension sets that they are reported with.
#[derive(Debug)]
struct Declaration {
    selectors: Vec<Regex>,
    dimension_sets: Vec<Vec<String>>,
}

impl Declarations {
    /// Reads an exporter's configuration; `None` if it is not understood.
    pub(crate) fn read(exporter: &Value) -> Option<Self> {
        let namespace = exporter["namespace"].as_str()?.to_owned();
        let all = list(&exporter["metric_declarations"]).map(declaration).collect::<Option<_>>()?;
        Some(Self { namespace, all })
    }

    /// Reports data of this metric, with each declared set of dimensions whose labels it has.
    pub(crate) fn report(
        &self,
        metrics: &MetricSink,
        name: &str,
        labels: &BTreeMap<String, String>,
        datum: &Datum,
    ) {
        let selecting = self.all.iter().filter(|declaration| declaration.selects(name));
        for set in selecting.flat_map(|declaration| &declaration.dimension_sets) {
            let pair = |label: &String| Some((label.clone(), labels.get(label)?.clone()));
            if let Some(dimensions) = set.iter().map(pair).collect() {
                let (namespace, name) = (self.namespace.clone(), name.to_owned());
                metrics.add(Metric { namespace, name, dimensions }, datum.clone());
            }
        }
    }
}

impl Declaration {
    fn selects(&self, name: &str) -> bool {
        self.selectors.iter().any(|selector| selector.is_match(name))
    }
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn declaration(value: &Value) -> Option<Declaration> {
    let words = |set: &Value| list(set).map(|word| Some(word.as_str()?.to_owned())).collect();
    Some(Declaration {
        selectors: list(&value["metric_name_selectors"])
            .map(|pattern| Regex::new(pattern.as_str()?).ok())
            .collect::<Option<_>>()?,
        dimension_sets: list(&value["dimensions"]).map(words).collect::<Option<_>>()?,
    })
}
