//! Reads the deployed alarms, for the system on this machine.

use picus_cloudwatch::definition::{self, Alarm};
use picus_cloudwatch::template::{self, Parameters};
use picus_local::deployment::{self, Deployment, DeploymentError};
use serde_json::json;

use crate::plan::FUNCTION_TIMEOUT;

/// The alarms' template, as deployed.
pub const TEMPLATE: &str = include_str!("../../dashboards/alarms.yaml");

/// The parameters of the alarms' template, as deployed.
///
/// # Errors
/// A fault in the deployment's template.
pub fn parameters() -> Result<Parameters, DeploymentError> {
    let mut parameters = Deployment::read(deployment::TEMPLATE)?.alarm_parameters;
    parameters.insert("FunctionTimeoutSeconds".to_owned(), json!(FUNCTION_TIMEOUT));
    // There is no canary here, and a group without targets reports nothing.
    let own = parameters["ServiceTargetGroupFullName"].clone();
    parameters.insert("AlternateTargetGroupFullName".to_owned(), own);
    parameters.insert("RunbookBaseUrl".to_owned(), json!("docs/runbooks"));
    Ok(parameters)
}

/// A template's alarms, for the system on this machine.
///
/// # Errors
/// A fault in the template, or in that of the deployment.
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
