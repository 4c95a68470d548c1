//! The complete list of what differs from AWS on one machine, with reasons. Anything else in a template that this
//! crate does not do is an error.
//!
//! No property of a template says these, and they differ too:
//! - A new target is asked for its health every 50 ms until its first good answer: a start takes no
//!   whole interval (`load_balancer/target_group.rs`).
//! - A container's health check is asked by HTTP, as the command `--healthcheck` does (`container.rs`).
//! - A task gets ports of its own, and no delay before it stops: it is deregistered first, and the load
//!   balancer here notices at once (`tasks.rs`).
//! - A drill has a time-out of the function, a health check interval and a runbook address of its own
//!   (`drills/src/plan.rs`, `stage.rs`, `alarms.rs`).

use std::time::Duration;

use serde_json::Value;

/// A part of the templates that has no effect here.
#[derive(Debug)]
pub struct Difference {
    /// The resource type.
    pub kind: &'static str,
    /// The path within a resource's properties: names, names of attributes, variables and containers, and `*` for
    /// each element of a list. Empty: the whole resource.
    pub path: &'static [&'static str],
    /// Why it has no effect.
    pub reason: &'static str,
}

const fn of(kind: &'static str, path: &'static [&'static str], reason: &'static str) -> Difference {
    Difference { kind, path, reason }
}

const NETWORK: &str = "everything is on the loopback interface";
const PORTS: &str = "each task has a port of its own, and the load balancer the one asked for";
const IMAGE: &str = "the programs are this executable, in processes and not in containers";
const LOGS: &str = "the programs' lines go to stdout, or to whoever asked for them";
const SCALING: &str = "as many tasks run as were asked for";
const DEPLOYMENTS: &str = "nothing is deployed; the drills roll back by the same alarms";
const COLLECTOR: &str = "no collector runs beside a task; the drills read its configuration";
const VERSION: &str = "there is one version of the function";
const ROLES: &str =
    "the proxy before DynamoDB enforces the roles' own policies; nobody takes on a role here";
const DATA: &str = "the engine has neither backups nor a deletion that could be refused";

/// All differences.
pub const DIFFERENCES: &[Difference] = &[
    of("AWS::EC2::VPC", &[], NETWORK),
    of("AWS::EC2::Subnet", &[], NETWORK),
    of("AWS::EC2::InternetGateway", &[], NETWORK),
    of("AWS::EC2::VPCGatewayAttachment", &[], NETWORK),
    of("AWS::EC2::RouteTable", &[], NETWORK),
    of("AWS::EC2::Route", &[], NETWORK),
    of("AWS::EC2::SubnetRouteTableAssociation", &[], NETWORK),
    of("AWS::EC2::VPCEndpoint", &[], NETWORK),
    of("AWS::EC2::SecurityGroup", &[], NETWORK),
    of("AWS::EC2::SecurityGroupIngress", &[], NETWORK),
    of("AWS::ApplicationAutoScaling::ScalableTarget", &[], SCALING),
    of("AWS::ApplicationAutoScaling::ScalingPolicy", &[], SCALING),
    of("AWS::Logs::LogGroup", &[], LOGS),
    of("AWS::IAM::Role", &["Description"], "it is for people"),
    of("AWS::IAM::Role", &["PermissionsBoundary"], ROLES),
    of("AWS::IAM::Role", &["AssumeRolePolicyDocument"], ROLES),
    of("AWS::Lambda::Version", &[], VERSION),
    of("AWS::Lambda::Permission", &[], ROLES),
    of("AWS::CloudFormation::Stack", &["TemplateURL"], "the alarms' template is compiled in"),
    of("AWS::ElasticLoadBalancingV2::LoadBalancer", &["Scheme"], NETWORK),
    of("AWS::ElasticLoadBalancingV2::LoadBalancer", &["Subnets"], NETWORK),
    of("AWS::ElasticLoadBalancingV2::LoadBalancer", &["SecurityGroups"], NETWORK),
    of(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &["LoadBalancerAttributes", "access_logs.s3.enabled"],
        "there is no bucket",
    ),
    of(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &["LoadBalancerAttributes", "routing.http.desync_mitigation_mode"],
        "hyper reads each request anew and writes it anew, so that both sides see the same one",
    ),
    of("AWS::ElasticLoadBalancingV2::TargetGroup", &["VpcId"], NETWORK),
    of("AWS::ElasticLoadBalancingV2::TargetGroup", &["Port"], PORTS),
    of("AWS::ElasticLoadBalancingV2::Listener", &["Port"], PORTS),
    of("AWS::ECS::Cluster", &["ClusterSettings"], "the drills report what Container Insights does"),
    of("AWS::ECS::Service", &["LaunchType"], IMAGE),
    of("AWS::ECS::Service", &["AvailabilityZoneRebalancing"], "there is one zone"),
    of(
        "AWS::ECS::Service",
        &["HealthCheckGracePeriodSeconds"],
        "a task that the load balancer finds unhealthy gets no requests, and is not replaced",
    ),
    of("AWS::ECS::Service", &["EnableECSManagedTags"], "nothing has tags"),
    of("AWS::ECS::Service", &["PropagateTags"], "nothing has tags"),
    of("AWS::ECS::Service", &["NetworkConfiguration"], NETWORK),
    of("AWS::ECS::Service", &["DeploymentConfiguration"], DEPLOYMENTS),
    of("AWS::ECS::Service", &["LoadBalancers", "*", "ContainerPort"], PORTS),
    of("AWS::ECS::Service", &["LoadBalancers", "*", "AdvancedConfiguration"], DEPLOYMENTS),
    of("AWS::ECS::TaskDefinition", &["RequiresCompatibilities"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["RuntimePlatform"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["NetworkMode"], NETWORK),
    of("AWS::ECS::TaskDefinition", &["ExecutionRoleArn"], ROLES),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "otel-collector"], COLLECTOR),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "DependsOn"], COLLECTOR),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "Image"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "User"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "ReadonlyRootFilesystem"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "LinuxParameters"], IMAGE),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "PortMappings"], PORTS),
    of("AWS::ECS::TaskDefinition", &["ContainerDefinitions", "*", "LogConfiguration"], LOGS),
    of("AWS::Lambda::Function", &["Description"], "it is for people"),
    of("AWS::Lambda::Function", &["Runtime"], IMAGE),
    of("AWS::Lambda::Function", &["Architectures"], IMAGE),
    of("AWS::Lambda::Function", &["Code"], IMAGE),
    of("AWS::Lambda::Function", &["TracingConfig"], "no X-Ray daemon runs; traces go by OTLP"),
    of("AWS::Lambda::Alias", &["FunctionVersion"], VERSION),
    of("AWS::DynamoDB::Table", &["PointInTimeRecoverySpecification"], DATA),
    of("AWS::DynamoDB::Table", &["DeletionProtectionEnabled"], DATA),
];

/// The interval of health checks when they cost nothing. People who try something on one machine wait for them.
pub const HEALTH_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Values for parameters without a default. What runs here is not a release.
pub(super) const PARAMETERS: [(&str, &str); 3] = [
    ("Release", env!("CARGO_PKG_VERSION")),
    ("ImageTag", env!("CARGO_PKG_VERSION")),
    ("DeployedAt", "2026-01-01T00:00:00Z"),
];

/// Variables that both programs get here but not on AWS, so that no resource has them.
pub(crate) fn variables<'a>(
    dynamodb: &'a str,
    role: &'a str,
    otlp: Option<&'a str>,
) -> [(&'a str, &'a str); 8] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_REGION", crate::iam::REGION),
        // On AWS, a program gets credentials of its role. Here, its access key is the role's name.
        ("AWS_ACCESS_KEY_ID", role),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // There is no metadata service here.
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // In a task, the collector listens at the programs' default address. Here, there is one only if asked for.
        match otlp {
            Some(endpoint) => ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            None => ("OTEL_SDK_DISABLED", "true"),
        },
        // People who look at traces and durations on one machine wait for them.
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
    ]
}

/// Whether resources of this type have no effect here.
pub(super) fn is_of_no_effect(kind: &str) -> bool {
    DIFFERENCES.iter().any(|difference| difference.kind == kind && difference.path.is_empty())
}

/// Removes everything without effect from a resource's properties.
pub(super) fn leave_out(kind: &str, properties: &mut Value) {
    for difference in DIFFERENCES.iter().filter(|difference| difference.kind == kind) {
        remove(properties, difference.path);
    }
}

fn remove(value: &mut Value, path: &[&str]) {
    let Some((name, rest)) = path.split_first() else { return };
    let is_named = |part: &Value| part["Key"] == *name || part["Name"] == *name;
    match value {
        Value::Object(all) if rest.is_empty() => _ = all.remove(*name),
        Value::Object(all) => {
            if let Some(part) = all.get_mut(*name) {
                remove(part, rest);
            }
        }
        Value::Array(all) if rest.is_empty() => all.retain(|part| !is_named(part)),
        Value::Array(all) => {
            for part in all.iter_mut().filter(|part| *name == "*" || is_named(part)) {
                remove(part, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use picus_cloudwatch::template;
    use serde_json::json;

    use super::*;
    use crate::deployment::rendered::TEMPLATE;

    /// All branches of a template's conditions.
    fn branches(value: &Value, kind: &str, found: &mut BTreeSet<String>) {
        for resource in value["Resources"].as_object().unwrap().values() {
            if resource["Type"] == *kind {
                found.insert(resource["Properties"].to_string());
            }
        }
    }

    #[test]
    fn every_listed_difference_is_in_a_template() {
        let template = template::read(TEMPLATE).unwrap();
        for Difference { kind, path, .. } in DIFFERENCES {
            let mut found = BTreeSet::new();
            branches(&template, kind, &mut found);
            assert!(!found.is_empty(), "the template has no {kind}");
            let Some(name) = path.last() else { continue };
            let word = format!("\"{name}\"");
            assert!(found.iter().any(|text| text.contains(&word)), "no {kind} has {path:?}");
        }
    }

    #[test]
    fn only_listed_parts_are_left_out() {
        let mut properties = json!({
            "Scheme": "internal", "Name": "a",
            "LoadBalancerAttributes": [
                { "Key": "access_logs.s3.enabled", "Value": "true" },
                { "Key": "idle_timeout.timeout_seconds", "Value": "1" },
            ],
        });
        leave_out("AWS::ElasticLoadBalancingV2::LoadBalancer", &mut properties);
        let left = json!([{ "Key": "idle_timeout.timeout_seconds", "Value": "1" }]);
        assert_eq!(properties, json!({ "Name": "a", "LoadBalancerAttributes": left }));
        let mut properties = json!({ "ContainerDefinitions": [
            { "Name": "otel-collector" }, { "Name": "service", "Image": "i", "Essential": true },
        ] });
        leave_out("AWS::ECS::TaskDefinition", &mut properties);
        let left = json!([{ "Name": "service", "Essential": true }]);
        assert_eq!(properties, json!({ "ContainerDefinitions": left }));
    }
}
