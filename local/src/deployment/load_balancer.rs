//! Reads the load balancer, its listener's rules and its target groups from the templates.

use std::str::FromStr;
use std::time::Duration;

use hyper::Method;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use serde::Deserialize;

use super::read::{DeploymentError, Reader, named, scalar, seconds};
use super::target_group::{GROUP, Group, GroupResource, Protocol, full_name};
use crate::load_balancer::{Attributes, Condition};

pub(super) const KINDS: [&str; 4] = [BALANCER, LISTENER, RULE, GROUP];
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

/// The load balancer.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// Settings for all requests and responses.
    pub attributes: Attributes,
    /// The rules, in any order.
    pub rules: Vec<Rule>,
    /// Where requests go that match no rule.
    pub default: Forward,
    /// The target groups.
    pub groups: Vec<Group>,
}

/// Where requests go: target groups by ARN, each with a weight.
pub type Forward = Vec<(String, u32)>;

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Lower ones go first.
    pub priority: u16,
    /// All must match.
    pub conditions: Vec<Condition>,
    /// Where matching requests go.
    pub forward: Forward,
}

pub(super) fn read(reader: &Reader) -> Result<Balancer, DeploymentError> {
    let balancer = reader.one::<BalancerResource>(BALANCER)?;
    let listener = reader.one::<ListenerResource>(LISTENER)?;
    if listener.properties.load_balancer_arn != reader.reference(&balancer.id)? {
        return Err(DeploymentError::unsupported(&listener.id, "a listener of another balancer"));
    }
    let place = |id: &str, property: &str| format!("{id}.Properties.{property}");
    let listener_arn = reader.reference(&listener.id)?;
    let mut rules = Vec::new();
    for rule in reader.all::<RuleResource>(RULE)? {
        let RuleResource { listener_arn: of, priority, conditions, actions } = rule.properties;
        if of != listener_arn {
            return Err(DeploymentError::unsupported(&rule.id, "a rule of another listener"));
        }
        let conditions = conditions.into_iter().map(condition).collect::<Result<_, _>>();
        let conditions = conditions.map_err(|reason: String| {
            DeploymentError::unsupported(place(&rule.id, "Conditions"), reason)
        })?;
        let forward = forward(&actions, &place(&rule.id, "Actions"))?;
        rules.push(Rule { priority, conditions, forward });
    }
    let default = &place(&listener.id, "DefaultActions");
    let groups = reader.all::<GroupResource>(GROUP)?;
    Ok(Balancer {
        attributes: Attributes {
            full_name: full_name(&reader.reference(&balancer.id)?, "loadbalancer/"),
            idle_timeout: balancer.properties.attributes.idle_timeout,
            drop_invalid_header_fields: balancer.properties.attributes.drop_invalid_header_fields,
            response_headers: listener.properties.attributes.headers(&listener.id)?,
        },
        rules,
        default: forward(&listener.properties.default_actions, default)?,
        groups: groups
            .into_iter()
            .map(|group| group.properties.group(reader.reference(&group.id)?, &group.id))
            .collect::<Result<_, _>>()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct BalancerResource {
    #[serde(rename = "Name")]
    _name: String,
    #[serde(rename = "Type")]
    _type: Option<BalancerType>,
    #[serde(default, rename = "LoadBalancerAttributes", deserialize_with = "named")]
    attributes: BalancerAttributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum BalancerType {
    Application,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BalancerAttributes {
    #[serde(rename = "idle_timeout.timeout_seconds", deserialize_with = "seconds")]
    idle_timeout: Duration,
    #[serde(
        rename = "routing.http.drop_invalid_header_fields.enabled",
        deserialize_with = "scalar"
    )]
    drop_invalid_header_fields: bool,
}

impl Default for BalancerAttributes {
    fn default() -> Self {
        let Attributes { idle_timeout, drop_invalid_header_fields, .. } = Attributes::default();
        Self { idle_timeout, drop_invalid_header_fields }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ListenerResource {
    load_balancer_arn: String,
    #[serde(rename = "Protocol")]
    _protocol: Protocol,
    #[serde(default, rename = "ListenerAttributes", deserialize_with = "named")]
    attributes: ListenerAttributes,
    default_actions: Vec<ActionProperty>,
}

/// The headers of every response, under the names of their attributes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ListenerAttributes {
    #[serde(rename = "routing.http.response.strict_transport_security.header_value")]
    strict_transport_security: Option<String>,
    #[serde(rename = "routing.http.response.content_security_policy.header_value")]
    content_security_policy: Option<String>,
    #[serde(rename = "routing.http.response.x_content_type_options.header_value")]
    x_content_type_options: Option<String>,
    #[serde(rename = "routing.http.response.x_frame_options.header_value")]
    x_frame_options: Option<String>,
}

impl ListenerAttributes {
    fn headers(self, id: &str) -> Result<HeaderMap, DeploymentError> {
        let all = [
            (STRICT_TRANSPORT_SECURITY, self.strict_transport_security),
            (CONTENT_SECURITY_POLICY, self.content_security_policy),
            (X_CONTENT_TYPE_OPTIONS, self.x_content_type_options),
            (X_FRAME_OPTIONS, self.x_frame_options),
        ];
        let set = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let header = |(name, value): (_, String)| match HeaderValue::try_from(&value) {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(DeploymentError::unsupported(id, format_args!("`{value}`: {error}"))),
        };
        set.map(header).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleResource {
    listener_arn: String,
    #[serde(deserialize_with = "scalar")]
    priority: u16,
    conditions: Vec<ConditionProperty>,
    actions: Vec<ActionProperty>,
}

#[derive(Deserialize)]
#[serde(tag = "Field", rename_all = "kebab-case", deny_unknown_fields)]
enum ConditionProperty {
    #[serde(rename_all = "PascalCase")]
    PathPattern { path_pattern_config: Values },
    #[serde(rename_all = "PascalCase")]
    HttpRequestMethod { http_request_method_config: Values },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Values {
    values: Vec<String>,
}

fn condition(property: ConditionProperty) -> Result<Condition, String> {
    match property {
        ConditionProperty::PathPattern { path_pattern_config: Values { values } } => {
            Ok(Condition::PathPattern(values))
        }
        ConditionProperty::HttpRequestMethod { http_request_method_config: Values { values } } => {
            let methods = values.iter().map(|value| Method::from_str(value));
            let methods = methods.collect::<Result<_, _>>();
            methods.map(Condition::HttpRequestMethod).map_err(|_| format!("no methods: {values:?}"))
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "Type", rename_all = "kebab-case", deny_unknown_fields)]
enum ActionProperty {
    #[serde(rename_all = "PascalCase")]
    Forward {
        #[serde(rename = "Order")]
        _order: Option<u16>,
        target_group_arn: Option<String>,
        forward_config: Option<ForwardConfig>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ForwardConfig {
    target_groups: Vec<Weighted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Weighted {
    target_group_arn: String,
    #[serde(default = "one", deserialize_with = "scalar")]
    weight: u32,
}

fn one() -> u32 {
    1
}

fn forward(actions: &[ActionProperty], place: &str) -> Result<Forward, DeploymentError> {
    let refused = |reason| DeploymentError::unsupported(place, reason);
    let [ActionProperty::Forward { target_group_arn, forward_config, .. }] = actions else {
        return Err(refused("not one action alone"));
    };
    let forward: Forward = match (target_group_arn, forward_config) {
        (Some(arn), None) => vec![(arn.clone(), 1)],
        (None, Some(ForwardConfig { target_groups })) => target_groups
            .iter()
            .map(|group| (group.target_group_arn.clone(), group.weight))
            .collect(),
        _ => return Err(refused("either TargetGroupArn or ForwardConfig is known")),
    };
    if forward.iter().all(|(_, weight)| *weight == 0) {
        return Err(refused("no target group with a weight"));
    }
    Ok(forward)
}
