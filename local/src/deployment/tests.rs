use std::time::Duration;

use hyper::Method;

use super::*;
use crate::load_balancer::{Algorithm, Condition};

/// The deployment's template, changed in one place.
fn changed(right: &str, wrong: &str) -> Result<Deployment, DeploymentError> {
    let template = TEMPLATE.replacen(right, wrong, 1);
    assert_ne!(template, TEMPLATE, "{right}");
    Deployment::read(&template)
}

fn servers(deployment: &Deployment) -> crate::load_balancer::GroupSettings {
    let of_service = |group: &&Group| group.arn == deployment.service.group;
    let group = deployment.load_balancer.groups.iter().find(of_service).unwrap();
    match &group.targets {
        Targets::Servers(settings) => settings.clone(),
        Targets::Function { .. } => panic!("{group:?}"),
    }
}

#[test]
fn every_value_follows_the_template() {
    let read = |right: &str, wrong: &str| changed(right, wrong).unwrap();
    let balancer = |right, wrong| read(right, wrong).load_balancer;
    let idle = balancer("timeout_seconds, Value: '60'", "timeout_seconds, Value: '7'");
    assert_eq!(idle.attributes.idle_timeout, Duration::from_secs(7));
    let fields = balancer("fields.enabled, Value: 'true'", "fields.enabled, Value: 'false'");
    assert!(!fields.attributes.drop_invalid_header_fields);
    assert_eq!(
        balancer("  Name: picus-alb", "  Name: b").attributes.full_name,
        "app/b/0123456789abcdef"
    );
    let attribute = "Protocol: HTTP\n      ListenerAttributes: [{Key: routing.http.response.x_frame_options.header_value, Value: DENY}]\n      DefaultActions";
    let headers = balancer("Protocol: HTTP\n      DefaultActions", attribute);
    assert_eq!(headers.attributes.response_headers["x-frame-options"], "DENY");
    let rules = balancer("Priority: 100", "Priority: 7").rules;
    assert!(rules.iter().any(|rule| rule.priority == 7), "{rules:?}");
    let methods = balancer("{Values: [DELETE]}", "{Values: [DELETE, PUT]}");
    let expected = vec![Method::DELETE, Method::PUT];
    let follows = |condition: &Condition| matches!(condition, Condition::HttpRequestMethod(found) if *found == expected);
    assert!(methods.rules.iter().flat_map(|rule| &rule.conditions).any(follows), "{methods:?}");

    let group = |right, wrong| servers(&read(right, wrong));
    let delay = group("delay.timeout_seconds, Value: '30'", "delay.timeout_seconds, Value: '7'");
    assert_eq!(delay.deregistration_delay, Duration::from_secs(7));
    assert_eq!(group("least_outstanding_requests", "round_robin").algorithm, Algorithm::RoundRobin);
    assert_eq!(group("HealthCheckPath: /health", "HealthCheckPath: /a").health_check.path, "/a");
    assert_eq!(
        group("HealthyThresholdCount: 2", "HealthyThresholdCount: 7")
            .health_check
            .healthy_threshold,
        7
    );
    assert_eq!(
        group("UnhealthyThresholdCount: 2", "UnhealthyThresholdCount: 7")
            .health_check
            .unhealthy_threshold,
        7
    );
    let check = group("HealthCheckTimeoutSeconds: 5", "HealthCheckTimeoutSeconds: 7").health_check;
    assert_eq!(check.timeout, Duration::from_secs(7));
    let check =
        group("HealthCheckIntervalSeconds: 30", "HealthCheckIntervalSeconds: 7").health_check;
    assert_eq!(check.interval, Duration::from_secs(7));
    assert!(group("HttpCode: '200'", "HttpCode: 200-299").health_check.statuses.contain(299));

    let function = |right, wrong| read(right, wrong).function;
    assert_eq!(function("TimeoutSeconds: 15", "TimeoutSeconds: 7").timeout, Duration::from_secs(7));
    assert_eq!(function("MemorySize: 256", "MemorySize: 7").memory_mb, 7);
    assert_eq!(
        function("MemorySize: 256", "MemorySize: 256\n      ReservedConcurrentExecutions: 7")
            .concurrency,
        7
    );
    assert_eq!(function("FunctionName: picus-delete-function", "FunctionName: f").name, "f");
    let variables = function("Variables:", "Variables:\n          A: b").environment;
    assert_eq!((&*variables["A"], &*variables["DYNAMODB_TABLE_NAME"]), ("b", "picus_data"));

    let task = |right, wrong| read(right, wrong).service.task;
    assert_eq!(task("Cpu: '256'", "Cpu: '7'").cpu_units, 7);
    assert_eq!(task("Memory: '512'", "Memory: '7'").memory_mib, 7);
    let role = read("RoleName: ecsTaskRole", "RoleName: r");
    assert_eq!(role.service.task.role, "r");
    assert!(role.roles.iter().any(|role| role.name == "r"), "{:?}", role.roles);
    assert!(changed("TaskRoleArn: !GetAtt TaskRole.Arn", "TaskRoleArn: a/b").is_err());
    assert_eq!(task("StopTimeout: 30", "StopTimeout: 7").stop_timeout, Duration::from_secs(7));
    assert_eq!(
        task("StartPeriod: 10", "StartPeriod: 7").health_check.start_period,
        Duration::from_secs(7)
    );
    let log_filter = task("actix_http=off", "actix_http=info").environment["RUST_LOG"].clone();
    assert!(log_filter.ends_with("actix_http=info"), "{log_filter}");
    assert_eq!(read("TableName: picus_data", "TableName: t").table.name, "t");
    assert_eq!(
        read("TimeoutSeconds: 15", "TimeoutSeconds: 7").alarm_parameters["FunctionTimeoutSeconds"],
        7
    );
}

#[test]
fn an_unsupported_part_is_refused_with_its_place() {
    for (right, wrong, place, reason) in [
        (
            "{Field: path-pattern, PathPatternConfig: {Values: ['/picus/*']}}",
            "{Field: host-header, HostHeaderConfig: {Values: [a]}}",
            "DeleteRule.Properties.Conditions[1]",
            "`host-header`",
        ),
        (
            "PathPatternConfig: {Values: ['/picus/*']}",
            "PathPatternConfig: {RegexValues: ['/picus/.*']}",
            "DeleteRule.Properties.Conditions[1]",
            "`RegexValues`",
        ),
        (
            "- Type: forward\n            TargetGroupArn: !Ref TargetGroup",
            "- Type: fixed-response\n            FixedResponseConfig: {StatusCode: '200'}",
            "HttpListener.Properties.DefaultActions[0]",
            "`fixed-response`",
        ),
        (
            "{Key: load_balancing.algorithm.type, Value: least_outstanding_requests}",
            "{Key: load_balancing.algorithm.type, Value: weighted_random}",
            "TargetGroup.Properties.TargetGroupAttributes",
            "`weighted_random`",
        ),
        (
            "{Key: load_balancing.algorithm.type, Value: least_outstanding_requests}",
            "{Key: stickiness.enabled, Value: 'true'}",
            "TargetGroup.Properties.TargetGroupAttributes",
            "`stickiness.enabled`",
        ),
        (
            "HealthCheckPath: /health",
            "HealthCheckPort: 9464",
            "TargetGroup.Properties",
            "`HealthCheckPort`",
        ),
        ("Matcher: {HttpCode: '200'}", "Matcher: {HttpCode: 2xx}", "Matcher.HttpCode", "`2xx`"),
        (
            "StopTimeout: 30",
            "Ulimits: []",
            "TaskDefinition.Properties.ContainerDefinitions[0]",
            "`Ulimits`",
        ),
        (
            "[CMD, /usr/local/bin/picus-service, --healthcheck]",
            "[CMD, 'true']",
            "TaskDefinition",
            "the health check",
        ),
        ("MemorySize: 256", "SnapStart: {}", "DeleteFunction.Properties", "`SnapStart`"),
        (
            "BillingMode: PAY_PER_REQUEST",
            "BillingMode: PROVISIONED",
            "Table.Properties.BillingMode",
            "`PROVISIONED`",
        ),
        (
            "Type: AWS::EC2::VPCEndpoint",
            "Type: AWS::SQS::Queue",
            "DynamoDbEndpoint",
            "AWS::SQS::Queue",
        ),
        (
            "CertificateArn: {Type: String, Default: ''",
            "CertificateArn: {Type: String, Default: arn",
            "HttpListener.Properties.DefaultActions[0]",
            "`redirect`",
        ),
    ] {
        let error = changed(right, wrong).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(place) && error.contains(reason), "{wrong}: {error}");
    }
}
