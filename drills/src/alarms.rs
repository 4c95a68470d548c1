//! The deployed alarms, read for the system on this machine.

use picus_cloudwatch::definition::{self, Alarm};
use picus_cloudwatch::template::{self, Parameters};
use picus_local::names;
use serde_json::json;

use crate::plan::FUNCTION_TIMEOUT;

/// The template of the alarms, as it is deployed.
pub const TEMPLATE: &str = include_str!("../../dashboards/alarms.yaml");

/// What the parts are called in the system on this machine.
#[must_use]
pub fn parameters() -> Parameters {
    let parameters = [
        ("LoadBalancerFullName", json!(names::LOAD_BALANCER)),
        ("ServiceTargetGroupFullName", json!(names::SERVICE_GROUP)),
        // Here no release is a canary's.
        ("AlternateTargetGroupFullName", json!(names::SERVICE_GROUP)),
        ("FunctionTargetGroupFullName", json!(names::FUNCTION_GROUP)),
        ("ClusterName", json!(names::CLUSTER)),
        ("ServiceName", json!(names::SERVICE)),
        ("FunctionName", json!(names::FUNCTION)),
        ("TableName", json!(picus_local::dynamodb::TABLE)),
        ("FunctionTimeoutSeconds", json!(FUNCTION_TIMEOUT)),
        ("RunbookBaseUrl", json!("docs/runbooks")),
    ];
    parameters.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The alarms of a template, for the system on this machine.
///
/// # Errors
/// What is wrong with the template.
pub fn alarms(template: &str) -> Result<Vec<Alarm>, Box<dyn std::error::Error>> {
    Ok(definition::alarms(&template::resources(template, &parameters())?)?)
}
