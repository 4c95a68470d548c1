//! The alarms that a template defines.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::alarm::{Comparison, Missing, Rule};
use crate::composite;
use crate::expression::Expression;
use crate::metric::{Metric, Statistic};

/// An alarm.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Alarm {
    pub name: String,
    /// Its text for people.
    pub description: String,
    /// The names of the topics that it notifies.
    pub actions: Vec<String>,
    /// The minutes within which it fires after its fault begins; `None` if it is only part of a composite alarm.
    pub fires_within: Option<usize>,
    /// Why missing data is treated as it is.
    pub missing_reason: Option<String>,
    /// What must hold for its promise to be true, if it does not always hold.
    pub assumes: Option<String>,
    /// A metric alarm or a composite alarm.
    pub kind: Kind,
}

impl Alarm {
    /// The metrics that it watches, without those of other alarms.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        let queries = match &self.kind {
            Kind::Metric(alarm) => &alarm.queries[..],
            Kind::Composite(_) => &[],
        };
        queries.iter().filter_map(|query| match &query.source {
            Source::Metric(metric, ..) => Some(metric),
            Source::Expression(_) => None,
        })
    }
}

/// The kind of an alarm.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Kind {
    /// Watches a metric, or an expression.
    Metric(MetricAlarm),
    Composite(composite::Rule),
}

/// The settings of a metric alarm.
#[derive(Debug, Clone)]
pub struct MetricAlarm {
    /// Metrics and expressions. One of them is compared with the threshold.
    pub queries: Vec<Query>,
    /// When a value breaches.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// How many must breach.
    pub rule: Rule,
    /// How long it waits before the first evaluation.
    pub warm_up: WarmUp,
}

impl MetricAlarm {
    /// The period of its metrics in seconds, which is the same for all of them.
    #[must_use]
    pub fn period(&self) -> usize {
        let mut periods = self.queries.iter().filter_map(|query| match query.source {
            Source::Metric(_, _, period) => Some(period),
            Source::Expression(_) => None,
        });
        periods.next().unwrap_or(60)
    }
}

/// Keeps an alarm from evaluating before its data begins ("Alarm warm-up periods").
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct WarmUp {
    /// The longest warm-up.
    #[serde(rename = "WarmUpPeriodDurationInMinutes")]
    pub minutes: usize,
    /// Whether it lasts that long even if there is enough data.
    #[serde(default, rename = "OnlyStartEvaluatingAfterWarmUpPeriodEnds")]
    pub to_its_end: bool,
}

/// A metric or an expression, with its id.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Query {
    pub id: String,
    /// Whether this one is compared with the threshold.
    pub returned: bool,
    /// Where its data comes from.
    pub source: Source,
}

/// Where data comes from.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Source {
    /// A statistic of a metric, with its period in seconds.
    Metric(Metric, Statistic, usize),
    Expression(Expression),
}

/// Why a resource is not a valid alarm.
#[derive(Debug, thiserror::Error)]
#[error("{resource}: {reason}")]
pub struct DefinitionError {
    resource: String,
    reason: String,
}

/// The alarms among a template's resources.
///
/// # Errors
/// A property that is unknown, missing, or has a bad value.
pub fn alarms(resources: &Map<String, Value>) -> Result<Vec<Alarm>, DefinitionError> {
    let mut alarms = Vec::new();
    for (id, resource) in resources {
        let failed = |reason: String| DefinitionError { resource: id.clone(), reason };
        let properties = resource["Properties"].clone();
        let alarm = match resource["Type"].as_str() {
            Some("AWS::CloudWatch::Alarm") => metric_alarm(properties),
            Some("AWS::CloudWatch::CompositeAlarm") => composite_alarm(properties),
            _ => continue,
        };
        let mut alarm = alarm.map_err(|error| failed(error.to_string()))?;
        let metadata = &resource["Metadata"];
        alarm.fires_within = metadata["FiresWithinMinutes"]
            .as_u64()
            .and_then(|minutes| usize::try_from(minutes).ok());
        alarm.missing_reason = metadata["MissingData"].as_str().map(str::to_owned);
        alarm.assumes = metadata["Assumes"].as_str().map(str::to_owned);
        alarms.push(alarm);
    }
    Ok(alarms)
}

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CompositeProperties {
    alarm_name: String,
    alarm_description: String,
    alarm_rule: String,
    #[serde(default)]
    alarm_actions: Vec<String>,
    #[serde(default, rename = "OKActions")]
    _ok_actions: Vec<String>,
}

fn composite_alarm(properties: Value) -> Result<Alarm, Failure> {
    let properties: CompositeProperties = serde_json::from_value(properties)?;
    Ok(Alarm {
        name: properties.alarm_name,
        description: properties.alarm_description,
        actions: properties.alarm_actions,
        fires_within: None,
        missing_reason: None,
        assumes: None,
        kind: Kind::Composite(composite::Rule::parse(&properties.alarm_rule)?),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricProperties {
    alarm_name: String,
    alarm_description: String,
    #[serde(default)]
    alarm_actions: Vec<String>,
    comparison_operator: Comparison,
    threshold: f64,
    evaluation_periods: usize,
    datapoints_to_alarm: Option<usize>,
    treat_missing_data: Missing,
    #[serde(default)]
    warm_up_configuration: WarmUp,
    metrics: Option<Vec<QueryProperties>>,
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    statistic: Option<String>,
    period: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct QueryProperties {
    id: String,
    #[serde(rename = "Label")]
    _label: Option<String>,
    return_data: Option<bool>,
    expression: Option<String>,
    metric_stat: Option<MetricStat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricStat {
    stat: String,
    period: usize,
    metric: MetricName,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricName {
    namespace: String,
    #[serde(rename = "MetricName")]
    name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Dimension {
    name: String,
    value: String,
}

impl From<MetricName> for Metric {
    fn from(MetricName { namespace, name, dimensions }: MetricName) -> Self {
        let dimensions: BTreeMap<_, _> =
            dimensions.into_iter().map(|Dimension { name, value }| (name, value)).collect();
        Self { namespace, name, dimensions }
    }
}

fn metric_alarm(properties: Value) -> Result<Alarm, Failure> {
    let properties: MetricProperties = serde_json::from_value(properties)?;
    let queries = match properties.metrics {
        Some(queries) => queries.into_iter().map(query).collect::<Result<_, _>>()?,
        None => vec![query(QueryProperties {
            id: "metric".to_owned(),
            _label: None,
            return_data: None,
            expression: None,
            metric_stat: Some(MetricStat {
                stat: properties.statistic.ok_or("Statistic is missing")?,
                period: properties.period.ok_or("Period is missing")?,
                metric: MetricName {
                    namespace: properties.namespace.ok_or("Namespace is missing")?,
                    name: properties.metric_name.ok_or("MetricName is missing")?,
                    dimensions: properties.dimensions,
                },
            }),
        })?],
    };
    Ok(Alarm {
        name: properties.alarm_name,
        description: properties.alarm_description,
        actions: properties.alarm_actions,
        fires_within: None,
        missing_reason: None,
        assumes: None,
        kind: Kind::Metric(MetricAlarm {
            queries,
            comparison: properties.comparison_operator,
            threshold: properties.threshold,
            rule: Rule {
                datapoints_to_alarm: properties
                    .datapoints_to_alarm
                    .unwrap_or(properties.evaluation_periods),
                evaluation_periods: properties.evaluation_periods,
                missing: properties.treat_missing_data,
            },
            warm_up: properties.warm_up_configuration,
        }),
    })
}

fn query(properties: QueryProperties) -> Result<Query, Failure> {
    let source = match (properties.expression, properties.metric_stat) {
        (Some(text), None) => Source::Expression(Expression::parse(&text)?),
        (None, Some(MetricStat { stat, period, metric })) => {
            Source::Metric(metric.into(), stat.parse()?, period)
        }
        _ => return Err("a query needs an Expression or a MetricStat, and not both".into()),
    };
    Ok(Query { id: properties.id, returned: properties.return_data.unwrap_or(true), source })
}
