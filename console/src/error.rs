//! Why the console did not start.

use std::io;

use picus_cloudwatch::definition::DefinitionError;
use picus_cloudwatch::template::TemplateError;
use picus_drills::DrillError;
use picus_local::deployment::DeploymentError;

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is what it contains")]
pub enum StartError {
    #[error("the console has no address: {0}")]
    Address(#[from] io::Error),
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Alarms(#[from] DefinitionError),
    #[error(transparent)]
    Stage(#[from] DrillError),
}
