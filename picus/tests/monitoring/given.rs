//! Reads the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use picus_cloudwatch::dashboard::{self, Panel};
use picus_cloudwatch::definition::{self, Alarm, Kind, MetricAlarm};
use picus_cloudwatch::template::{self, Parameters};
use picus_local::deployment::{Deployment, TEMPLATE};
use serde_json::{Value, json};

pub(crate) const DASHBOARDS: [&str; 4] = ["overview", "service", "delete-handler", "data"];

pub(crate) fn file(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Values of the template's parameters.
pub(crate) fn parameters() -> Parameters {
    let names = [
        ("LoadBalancerFullName", "app/picus-alb/0123456789abcdef"),
        ("ServiceTargetGroupFullName", "targetgroup/picus-ecs-tg/0123456789abcdef"),
        ("AlternateTargetGroupFullName", "targetgroup/picus-ecs-tg-canary/0123456789abcdef"),
        ("FunctionTargetGroupFullName", "targetgroup/picus-lambda-tg/0123456789abcdef"),
        ("RunbookBaseUrl", "https://example.com/runbooks"),
    ];
    let mut parameters = Deployment::read(TEMPLATE).unwrap().alarm_parameters;
    parameters.extend(names.map(|(name, value)| (name.to_owned(), json!(value))));
    parameters
}

pub(crate) fn template() -> String {
    file("dashboards/alarms.yaml")
}

pub(crate) fn alarms() -> Vec<Alarm> {
    alarms_of(&template())
}

pub(crate) fn alarms_of(template: &str) -> Vec<Alarm> {
    let resources =
        template::resources(template, &parameters()).unwrap_or_else(|error| panic!("{error}"));
    definition::alarms(&resources).unwrap_or_else(|error| panic!("{error}"))
}

/// The metric alarms by name.
pub(crate) fn metric_alarms(alarms: &[Alarm]) -> BTreeMap<&str, &MetricAlarm> {
    let on_data = alarms.iter().filter_map(|alarm| match &alarm.kind {
        Kind::Metric(metric) => Some((alarm.name.as_str(), metric)),
        Kind::Composite(_) => None,
    });
    on_data.collect()
}

/// A dashboard's body, with its placeholders filled in.
pub(crate) fn dashboard(name: &str) -> Value {
    let mut values = parameters();
    for (name, value) in [
        ("ClusterName", "picus-cluster"),
        ("ServiceName", "picus-service"),
        ("FunctionName", "picus-delete-function"),
        ("TableName", "picus_data"),
        ("DeployedAt", "2026-01-01T00:00:00Z"),
        ("AWS::Region", "eu-central-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::Partition", "aws"),
    ] {
        values.insert(name.to_owned(), json!(value));
    }
    let text = file(&format!("dashboards/{name}.json"));
    let text =
        template::substitute(&text, &values).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn panels(name: &str) -> Vec<Panel> {
    dashboard::panels(&dashboard(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
