//! The deployed alarms, read for the system on this machine.

use picus_cloudwatch::definition::{self, Alarm};
use picus_cloudwatch::template::{self, Parameters};
use picus_local::deployment::{self, Deployment, DeploymentError};
use serde_json::json;

use crate::plan::FUNCTION_TIMEOUT;

/// The template of the alarms, as it is deployed.
pub const TEMPLATE: &str = include_str!("../../dashboards/alarms.yaml");

/// What the alarms are told where they are deployed, but for what a drill changes.
///
/// # Errors
/// What is wrong with the template of the deployment.
pub fn parameters() -> Result<Parameters, DeploymentError> {
    let mut parameters = Deployment::read(deployment::TEMPLATE)?.alarm_parameters;
    parameters.insert("FunctionTimeoutSeconds".to_owned(), json!(FUNCTION_TIMEOUT));
    // Here no release is a canary's, and a group without targets reports nothing.
    let own = parameters["ServiceTargetGroupFullName"].clone();
    parameters.insert("AlternateTargetGroupFullName".to_owned(), own);
    parameters.insert("RunbookBaseUrl".to_owned(), json!("docs/runbooks"));
    Ok(parameters)
}

/// The alarms of a template, for the system on this machine.
///
/// # Errors
/// What is wrong with the template, or with that of the deployment.
pub fn alarms(template: &str) -> Result<Vec<Alarm>, Box<dyn std::error::Error>> {
    Ok(definition::alarms(&template::resources(template, &parameters()?)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DRILLS, Drill};

    #[test]
    fn each_alarm_that_promises_when_it_fires_has_a_drill() {
        for alarm in alarms(TEMPLATE).unwrap() {
            let is_its = |drill: &Drill| drill.alarms.contains(&alarm.name.as_str());
            assert!(
                alarm.fires_within.is_none() || DRILLS.iter().any(is_its),
                "no drill is for {}: add one to DRILLS in drills/src/plan.rs",
                alarm.name
            );
        }
    }
}
