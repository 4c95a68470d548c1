//! Reads what is deployed from the rendered templates of `deploy/`. The local system is built from it, so it follows
//! every change of the templates. Anything in them that this crate does not do is an error, or a [`Difference`] with
//! a reason.

mod differences;
mod function;
mod load_balancer;
mod read;
mod rendered;
mod role;
mod table;
mod target_group;
mod task;

use picus_cloudwatch::template::Parameters;
use serde::Deserialize;

use crate::lambda::Function;
pub(crate) use differences::variables;
pub use differences::{DIFFERENCES, Difference, HEALTH_CHECK_INTERVAL};
pub use load_balancer::{Balancer, Forward, Rule};
pub use read::DeploymentError;
use read::Reader;
pub use rendered::TEMPLATE;
pub use role::Role;
pub use table::Table;
pub use target_group::{Group, Targets};
pub use task::{ContainerHealthCheck, Service, TaskDefinition};

const ALARMS: &str = "AWS::CloudFormation::Stack";

/// The deployed system.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Deployment {
    /// The load balancer, with its rules and target groups.
    pub load_balancer: Balancer,
    /// The delete handler.
    pub function: Function,
    pub service: Service,
    pub table: Table,
    /// The two programs' roles.
    pub roles: Vec<Role>,
    /// Parameters of the alarms' template.
    pub alarm_parameters: Parameters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Stack {
    parameters: Parameters,
}

impl Deployment {
    /// Reads a rendered template.
    ///
    /// # Errors
    /// Something in it is unknown, or not done here.
    pub fn read(template: &str) -> Result<Self, DeploymentError> {
        let kinds = [
            &load_balancer::KINDS[..],
            &function::KINDS,
            &task::KINDS,
            &table::KINDS,
            &role::KINDS,
            &[ALARMS],
        ];
        let reader = Reader::new(template, &kinds.concat())?;
        let load_balancer = load_balancer::read(&reader)?;
        let functions: Vec<_> = load_balancer
            .groups
            .iter()
            .filter_map(|group| match &group.targets {
                Targets::Function { arn, .. } => Some(arn),
                Targets::Servers(_) => None,
            })
            .collect();
        let [function] = functions[..] else {
            let reason = "not one target group with a function";
            return Err(DeploymentError::unsupported("AWS::ElasticLoadBalancingV2", reason));
        };
        let function = function::read(&reader, function)?;
        let service = task::read(&reader)?;
        Ok(Self {
            roles: role::read(&reader, &[&function.role, &service.task.role])?,
            function,
            service,
            table: table::read(&reader)?,
            alarm_parameters: reader.one::<Stack>(ALARMS)?.properties.parameters,
            load_balancer,
        })
    }
}

#[cfg(test)]
mod tests;
