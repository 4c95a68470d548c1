//! Builds the target groups of a deployment, and the listener before them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::deployment::{Balancer, DeploymentError, Forward as Weights, Group, Targets};
use crate::lambda::Lambda;
use crate::load_balancer::{Action, Forward, Listener, Rule, TargetGroup};

/// The action for each target group, by the group's ARN.
pub(crate) struct Groups(BTreeMap<String, Action>);

impl Groups {
    /// Creates the groups without targets. Targets are checked at least every `interval`.
    pub(crate) fn new(balancer: &Balancer, function: &Lambda, interval: Duration) -> Self {
        let action = |Group { arn, targets }: &Group| {
            let action = match targets.clone() {
                Targets::Servers(mut settings) => {
                    let check = &mut settings.health_check;
                    check.interval = check.interval.min(interval);
                    Action::Forward(Arc::new(TargetGroup::new(settings)))
                }
                Targets::Function { name, multi_value_headers, .. } => {
                    Action::Invoke { function: function.clone(), group: name, multi_value_headers }
                }
            };
            (arn.clone(), action)
        };
        Self(balancer.groups.iter().map(action).collect())
    }

    fn action(&self, arn: &str) -> Result<&Action, DeploymentError> {
        let unknown = || DeploymentError::unsupported(arn, "no target group of the template");
        self.0.get(arn).ok_or_else(unknown)
    }

    /// The group with this ARN, which must be one of servers.
    pub(crate) fn of_servers(&self, arn: &str) -> Result<Arc<TargetGroup>, DeploymentError> {
        match self.action(arn)? {
            Action::Forward(group) => Ok(group.clone()),
            Action::Invoke { .. } => {
                Err(DeploymentError::unsupported(arn, "tasks behind the group of a function"))
            }
        }
    }

    /// The listener that forwards to these groups.
    pub(crate) fn listener(&self, balancer: &Balancer) -> Result<Listener, DeploymentError> {
        let rule = |rule: &crate::deployment::Rule| {
            Ok(Rule {
                priority: rule.priority,
                conditions: rule.conditions.clone(),
                forward: self.forward(&rule.forward)?,
            })
        };
        let rules = balancer.rules.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Listener::new(rules, self.forward(&balancer.default)?))
    }

    fn forward(&self, weights: &Weights) -> Result<Forward, DeploymentError> {
        let action = |(arn, weight): &(String, u32)| Ok((self.action(arn)?.clone(), *weight));
        Ok(Forward::weighted(weights.iter().map(action).collect::<Result<_, _>>()?))
    }
}
