//! Drills: each fault that an alarm is for is made in a real system, and the alarms, read from the
//! template that is deployed, are shown what the system then reports.
//!
//! A minute of CloudWatch's is as long as its requests take, and an eighth of a second at least. What
//! a system reports in a few such minutes is recorded, and played to the alarms: once as it was, and
//! then its last minutes over and over, for as long as the fault is to last. So three days pass in
//! seconds, and every number in them was measured.

mod cpu;
mod metrics;
mod plan;
mod report;
mod scrape;
mod stage;
mod tape;
mod traffic;

use std::path::PathBuf;

use serde_json::json;

use crate::StartError;
use crate::cloudwatch::definition::{self, Alarm};
use crate::cloudwatch::template::{self, Parameters};
use crate::names;
pub use plan::{DRILLS, Drill};
pub use report::Report;
pub use tape::{Tape, Verdict};

/// The time-out of the delete handler in a drill, in seconds: hanging until it is part of some.
pub const FUNCTION_TIMEOUT: u64 = 5;

/// Why a drill could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The system did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The collector's configuration can't be read.
    #[error(transparent)]
    Configuration(#[from] template::TemplateError),
    /// The alarms can't be evaluated.
    #[error(transparent)]
    Math(#[from] crate::cloudwatch::math::MathError),
}

/// The template of the alarms, as it is deployed.
pub const TEMPLATE: &str = include_str!("../../../dashboards/alarms.yaml");

/// The alarms that roll a deployment back, as the deployed service is told them: a line each.
const ROLLBACK_ALARMS: &str = include_str!("../../../dashboards/rollback-alarms.yaml");

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
        ("TableName", json!(crate::dynamodb::TABLE)),
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

/// Makes a drill with a system of its own, whose programs `executable` can be.
///
/// # Errors
/// What keeps it from being made.
pub async fn record(drill: &Drill, executable: PathBuf) -> Result<Tape, DrillError> {
    let mut stage = stage::Stage::set(drill, executable).await?;
    let green = stage.minutes(tape::CALM, traffic::NORMAL).await;
    stage.begin(drill.fault).await?;
    let fault = stage.minutes(drill.recorded, drill.traffic).await;
    stage.end(drill.fault).await?;
    let after = stage.minutes(tape::CALM, traffic::NORMAL).await;
    stage.clear().await;
    Ok(Tape { green, fault, after })
}
