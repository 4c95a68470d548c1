//! Reads the target groups from the templates.

use std::time::Duration;

use serde::Deserialize;

use super::read::{DeploymentError, named, scalar};
use crate::load_balancer::{Algorithm, GroupSettings, Statuses};

pub(super) const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// A target group.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Group {
    pub arn: String,
    /// Its targets.
    pub targets: Targets,
}

/// The targets of a group.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Servers that register with it.
    Servers(GroupSettings),
    /// A function.
    Function {
        /// The group's name in CloudWatch.
        name: String,
        /// The function's ARN.
        arn: String,
        /// Whether events and responses have all values of headers and parameters.
        multi_value_headers: bool,
    },
}

/// Its name in CloudWatch: the end of its ARN.
pub(super) fn full_name(arn: &str, before: &str) -> String {
    arn.split_once(before).map_or(arn, |(_, name)| name).to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct GroupResource {
    #[serde(rename = "Name")]
    _name: String,
    target_type: TargetType,
    #[serde(rename = "Protocol")]
    _protocol: Option<Protocol>,
    health_check_path: Option<String>,
    #[serde(default, deserialize_with = "super::read::optional")]
    health_check_interval_seconds: Option<u64>,
    #[serde(default, deserialize_with = "super::read::optional")]
    health_check_timeout_seconds: Option<u64>,
    #[serde(default, deserialize_with = "super::read::optional")]
    healthy_threshold_count: Option<u32>,
    #[serde(default, deserialize_with = "super::read::optional")]
    unhealthy_threshold_count: Option<u32>,
    matcher: Option<Matcher>,
    #[serde(default)]
    targets: Vec<TargetDescription>,
    #[serde(default, rename = "TargetGroupAttributes", deserialize_with = "named")]
    attributes: GroupAttributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TargetType {
    Ip,
    Lambda,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Matcher {
    #[serde(deserialize_with = "scalar")]
    http_code: Statuses,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TargetDescription {
    id: String,
}

/// Each attribute is for groups of servers, or for groups of a function.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GroupAttributes {
    #[serde(
        rename = "deregistration_delay.timeout_seconds",
        deserialize_with = "super::read::optional"
    )]
    deregistration_delay: Option<u64>,
    #[serde(rename = "load_balancing.algorithm.type")]
    algorithm: Option<Algorithm>,
    #[serde(
        rename = "lambda.multi_value_headers.enabled",
        deserialize_with = "super::read::optional"
    )]
    multi_value_headers: Option<bool>,
}

impl GroupResource {
    pub(super) fn group(self, arn: String, id: &str) -> Result<Group, DeploymentError> {
        let name = format!("targetgroup/{}", full_name(&arn, "targetgroup/"));
        let refused = |reason| Err(DeploymentError::unsupported(id, reason));
        let targets = match (&self.target_type, &self.targets[..]) {
            (TargetType::Ip, []) if self.attributes.multi_value_headers.is_none() => {
                Targets::Servers(self.settings(name))
            }
            (TargetType::Ip, []) => {
                return refused("lambda.multi_value_headers.enabled of servers");
            }
            (TargetType::Ip, _) => return refused("targets that are not ECS's"),
            (TargetType::Lambda, _) if self.is_for_servers() => {
                return refused("a health check, an algorithm or a delay of a function");
            }
            (TargetType::Lambda, [target]) => Targets::Function {
                name,
                arn: target.id.clone(),
                multi_value_headers: self.attributes.multi_value_headers.unwrap_or_default(),
            },
            (TargetType::Lambda, _) => return refused("not one function alone"),
        };
        Ok(Group { arn, targets })
    }

    /// Whether it has an attribute that only groups of servers use.
    fn is_for_servers(&self) -> bool {
        self.health_check_path.is_some()
            || self.health_check_interval_seconds.is_some()
            || self.health_check_timeout_seconds.is_some()
            || self.healthy_threshold_count.is_some()
            || self.unhealthy_threshold_count.is_some()
            || self.matcher.is_some()
            || self.attributes.algorithm.is_some()
            || self.attributes.deregistration_delay.is_some()
    }

    /// Attributes that are not set have ELB's defaults.
    fn settings(&self, name: String) -> GroupSettings {
        let mut settings = GroupSettings { name, ..GroupSettings::default() };
        let check = &mut settings.health_check;
        let seconds = |to: &mut Duration, given: Option<u64>| {
            if let Some(given) = given {
                *to = Duration::from_secs(given);
            }
        };
        seconds(&mut settings.deregistration_delay, self.attributes.deregistration_delay);
        seconds(&mut check.interval, self.health_check_interval_seconds);
        seconds(&mut check.timeout, self.health_check_timeout_seconds);
        set(&mut settings.algorithm, self.attributes.algorithm);
        set(&mut check.path, self.health_check_path.clone());
        set(&mut check.statuses, self.matcher.as_ref().map(|matcher| matcher.http_code.clone()));
        set(&mut check.healthy_threshold, self.healthy_threshold_count);
        set(&mut check.unhealthy_threshold, self.unhealthy_threshold_count);
        settings
    }
}

fn set<T>(to: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *to = given;
    }
}

#[derive(Deserialize)]
pub(super) enum Protocol {
    #[serde(rename = "HTTP")]
    Http,
}
