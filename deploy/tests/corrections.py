"""Corrects the properties that MiniStack's CloudFormation ignores or handles wrongly."""

from ministack.core import iam_evaluator
from ministack.services import alb, dynamodb, iam, s3
from ministack.services.cloudformation import engine, provisioners

handlers = provisioners._RESOURCE_HANDLERS


def called(response):
    """Calls an API, and turns its error into CloudFormation's."""
    if response[0] >= 400:
        raise ValueError(response[2])
    return response


def around(resource_type, operation):
    """Replaces the handler of a resource type. The new handler gets the old one as its first argument."""
    original = handlers[resource_type][operation]

    def replace(replacement):
        handlers[resource_type][operation] = lambda *given: replacement(original, *given)

    return replace


# MiniStack refuses alarms on metric math. Here they are created without their metrics, so that they exist.
for operation in ("create", "update"):

    @around("AWS::CloudWatch::Alarm", operation)
    def alarm(original, *given):
        given = [
            value | {"Metrics": None, "MetricName": "math", "Namespace": "math"}
            if isinstance(value, dict) and value.get("Metrics")
            else value
            for value in given
        ]
        return original(*given)


# MiniStack ignores a role's PermissionsBoundary.
@around("AWS::IAM::Role", "create")
def role(original, logical_id, props, stack_name):
    name, attributes = original(logical_id, props, stack_name)
    if "PermissionsBoundary" in props:
        called(iam._put_role_permissions_boundary({"RoleName": [name], "PermissionsBoundary": [props["PermissionsBoundary"]]}))
    return name, attributes


# MiniStack ignores a table's PointInTimeRecoverySpecification.
@around("AWS::DynamoDB::Table", "create")
def table(original, logical_id, props, stack_name):
    name, attributes = original(logical_id, props, stack_name)
    recovery = {"TableName": name, "PointInTimeRecoverySpecification": props["PointInTimeRecoverySpecification"]}
    called(dynamodb._update_continuous_backups(recovery))
    return name, attributes


# MiniStack ignores a target group's Targets.
@around("AWS::ElasticLoadBalancingV2::TargetGroup", "create")
def target_group(original, logical_id, props, stack_name):
    arn, attributes = original(logical_id, props, stack_name)
    for number, target in enumerate(props.get("Targets") or [], start=1):
        called(alb._register_targets({"TargetGroupArn": [arn], f"Targets.member.{number}.Id": [target["Id"]]}))
    return arn, attributes


# MiniStack ignores ListenerAttributes when it creates a listener.
@around("AWS::ElasticLoadBalancingV2::Listener", "create")
def listener(original, logical_id, props, stack_name):
    arn, attributes = original(logical_id, props, stack_name)
    alb._listener_attrs[arn] = [*props.get("ListenerAttributes", [])]
    return arn, attributes


# MiniStack accepts any bucket for access logs. AWS first tries to write to the bucket.
@around("AWS::ElasticLoadBalancingV2::LoadBalancer", "create")
def load_balancer(original, logical_id, props, stack_name):
    arn, attributes = original(logical_id, props, stack_name)
    logs = {attribute["Key"]: attribute["Value"] for attribute in props["LoadBalancerAttributes"]}
    if logs["access_logs.s3.enabled"] == "true":
        bucket, writer = logs["access_logs.s3.bucket"], "logdelivery.elasticloadbalancing.amazonaws.com"
        key = f"AWSLogs/{iam.get_account_id()}/ELBAccessLogTestFile"
        call = iam_evaluator.EvalContext(
            principal_arn=writer,
            principal_type="Service",
            principal_account="",
            action="s3:PutObject",
            resource_arn=f"arn:aws:s3:::{bucket}/{key}",
            region=arn.split(":")[3],
            secure_transport=True,
            service_context={"aws:sourcearn": arn},
        )
        if iam_evaluator.evaluate_resource_policy(s3._bucket_policies.get(bucket), call, service=writer).decision != "Allow":
            raise ValueError(f"Access Denied for bucket: {bucket}. Please check S3bucket permission")
        called(s3._put_object(bucket, key, b"", {}))
    return arn, attributes


# MiniStack does not apply the Transform of a nested stack. This check is the first that sees its template.
check_capabilities = provisioners._check_nested_stack_capabilities


def expand(parent, template):
    check_capabilities(parent, template)
    given = [{"Key": name, "Value": ""} for name in template.get("Parameters", {})]
    expanded = engine._apply_transforms(template, given)
    template.clear()
    template.update(expanded)


provisioners._check_nested_stack_capabilities = expand
