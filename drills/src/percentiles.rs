//! Stands in for the collector's second way of metrics: distributions of durations, which the service sends by itself.
//! They are renamed and reported as the collector's configuration says.

use std::collections::BTreeMap;

use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::traces::Distribution;
use serde_json::Value;

use crate::declarations::{Declarations, list};

/// The part of the collector that reports distributions.
#[derive(Debug)]
pub(crate) struct Percentiles {
    transforms: Vec<Transform>,
    declarations: Declarations,
}

/// Renames a metric and its labels, and adds labels ("metricstransform").
#[derive(Debug)]
struct Transform {
    include: String,
    new_name: String,
    renamed: BTreeMap<String, String>,
    added: BTreeMap<String, String>,
}

impl Percentiles {
    /// Reads the collector's configuration; `None` if it is not understood.
    pub(crate) fn read(configuration: &Value) -> Option<Self> {
        let transforms = &configuration["processors"]["metricstransform"]["transforms"];
        Some(Self {
            transforms: list(transforms).map(Transform::read).collect::<Option<_>>()?,
            declarations: Declarations::read(&configuration["exporters"]["awsemf/percentiles"])?,
        })
    }

    /// Reports a distribution.
    pub(crate) fn report(&self, metrics: &MetricSink, distribution: &Distribution) {
        let transform = self.transforms.iter().find(|one| one.include == distribution.name);
        let Some(transform) = transform else { return };
        let own = distribution.attributes.iter().map(|(name, value)| {
            (transform.renamed.get(name).unwrap_or(name).clone(), value.clone())
        });
        let labels = own.chain(transform.added.clone()).collect();
        self.declarations.report(metrics, &transform.new_name, &labels, &distribution.datum);
    }
}

impl Transform {
    fn read(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (mut renamed, mut added) = (BTreeMap::new(), BTreeMap::new());
        for operation in list(&value["operations"]) {
            let new = text(&operation["new_label"])?;
            match operation["action"].as_str()? {
                "update_label" => renamed.insert(text(&operation["label"])?, new),
                "add_label" => added.insert(new, text(&operation["new_value"])?),
                _ => return None,
            };
        }
        let (include, new_name) = (text(&value["include"])?, text(&value["new_name"])?);
        Some(Self { include, new_name, renamed, added })
    }
}

#[cfg(test)]
mod tests {
    use picus_cloudwatch::data::{Datum, History};
    use picus_cloudwatch::metric::{Metric, Statistic};
    use picus_cloudwatch::template;

    use super::*;
    use crate::scrape::CONFIGURATION;

    #[test]
    fn a_distribution_has_the_name_and_the_dimensions_that_the_collector_gives_it() {
        let percentiles = Percentiles::read(&template::read(CONFIGURATION).unwrap()).unwrap();
        let metrics = MetricSink::on();
        let sent = |name: &str, attributes: &[(&str, &str)]| Distribution {
            name: name.to_owned(),
            attributes: attributes.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
            datum: Datum::distribution(&[(0.1, 98.0), (0.5, 2.0)]).unwrap(),
        };
        for distribution in [
            sent("http.server.request.duration", &[("http.route", "/x"), ("other", "y")]),
            sent("http.server.request.duration", &[("other", "y")]),
            sent("unknown", &[("http.route", "/x")]),
        ] {
            percentiles.report(&metrics, &distribution);
        }
        let mut history = History::default();
        history.push(&metrics.minute());
        let dimensions = [("service_name", "picus-service"), ("http_route", "/x")];
        let metric = Metric::new("Picus", "http_server_request_duration_seconds", &dimensions);
        assert_eq!(history.metrics().collect::<Vec<_>>(), [&metric]);
        let p99 = history.statistic(&metric, Statistic::Percentile(99.0), 1, 1);
        assert_eq!(p99, Some(0.5));
    }
}
