"""MiniStack, with what AWS does and it does not: only what the story needs, each correction for itself.

`ABSENT` lists the resource types that it has no idea of. CloudFormation takes them as made, and
nothing is, but for those that an API of MiniStack's can make. Any type that is neither known to it
nor listed here fails the deployment.
"""

import json
import os
import time

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import alb, dynamodb, ec2, ecs, iam, imds
from ministack.services.cloudformation import engine, provisioners, stacks

import fargate

handlers = provisioners._RESOURCE_HANDLERS


def called(response):
    """An API's answer, or its error as CloudFormation's."""
    if response[0] >= 400:
        raise ValueError(response[2])
    return response


def nothing(logical_id, props, stack_name):
    return f"{stack_name}-{logical_id}", {"Arn": f"arn:aws:absent:::{logical_id}"}


def oidc_provider(logical_id, props, stack_name):
    params = {"Url": [props["Url"]], "ClientIDList.member.1": props["ClientIdList"]}
    called(iam._create_oidc_provider(params))
    return f"arn:aws:iam::{iam.get_account_id()}:oidc-provider/{props['Url'].removeprefix('https://')}", {}


def ingress(logical_id, props, stack_name):
    params = {"GroupId": [props["GroupId"]]}
    permission = {
        "IpProtocol": props["IpProtocol"],
        "FromPort": props["FromPort"],
        "ToPort": props["ToPort"],
        "Groups.1.GroupId": props["SourceSecurityGroupId"],
    }
    params |= {f"IpPermissions.1.{key}": [str(value)] for key, value in permission.items()}
    called(ec2._authorize_sg_ingress(params))
    return f"{stack_name}-{logical_id}", {}


ABSENT = {
    "AWS::IAM::OIDCProvider": oidc_provider,
    "AWS::EC2::SecurityGroupIngress": ingress,
    "AWS::ApplicationAutoScaling::ScalableTarget": nothing,
    "AWS::ApplicationAutoScaling::ScalingPolicy": nothing,
    "AWS::CloudWatch::CompositeAlarm": nothing,
    "AWS::WAFv2::WebACLAssociation": nothing,
}


def accept_what_is_absent():
    for resource_type, create in ABSENT.items():
        if resource_type in handlers:
            raise SystemExit(f"MiniStack knows {resource_type} now: take it off the list")
        handlers[resource_type] = {
            "create": create,
            "update": lambda physical_id, old, new, stack: (physical_id, {}),
            "delete": lambda physical_id, props: None,
        }


def around(resource_type, operation):
    """Replaces a type's handler with one that has the replaced one at hand."""
    original = handlers[resource_type][operation]

    def replace(replacement):
        handlers[resource_type][operation] = lambda *given: replacement(original, *given)

    return replace


# Alarms on metric math are refused. They are taken here without their metrics, so that they exist.
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


# A role's PermissionsBoundary is dropped.
@around("AWS::IAM::Role", "create")
def role(original, logical_id, props, stack_name):
    name, attributes = original(logical_id, props, stack_name)
    if "PermissionsBoundary" in props:
        called(iam._put_role_permissions_boundary({"RoleName": [name], "PermissionsBoundary": [props["PermissionsBoundary"]]}))
    return name, attributes


# A table's PointInTimeRecoverySpecification is dropped.
@around("AWS::DynamoDB::Table", "create")
def table(original, logical_id, props, stack_name):
    name, attributes = original(logical_id, props, stack_name)
    recovery = {"TableName": name, "PointInTimeRecoverySpecification": props["PointInTimeRecoverySpecification"]}
    called(dynamodb._update_continuous_backups(recovery))
    return name, attributes


# A target group's Targets are dropped.
@around("AWS::ElasticLoadBalancingV2::TargetGroup", "create")
def target_group(original, logical_id, props, stack_name):
    arn, attributes = original(logical_id, props, stack_name)
    for number, target in enumerate(props.get("Targets") or [], start=1):
        called(alb._register_targets({"TargetGroupArn": [arn], f"Targets.member.{number}.Id": [target["Id"]]}))
    return arn, attributes


# A nested stack's Transform is not applied. This check is the first that sees its template.
check_capabilities = provisioners._check_nested_stack_capabilities


def expand(parent, template):
    check_capabilities(parent, template)
    given = [{"Key": name, "Value": ""} for name in template.get("Parameters", {})]
    expanded = engine._apply_transforms(template, given)
    template.clear()
    template.update(expanded)


provisioners._check_nested_stack_capabilities = expand


# CloudFormation goes on at once, where AWS waits until the service is steady, and fails with it.
def steady(cluster, name, patience=600):
    service = ecs._services[f"{cluster}/{name}"]
    begun = ecs._primary_deployment(service)["id"]
    until = time.monotonic() + patience
    while time.monotonic() < until:
        time.sleep(0.5)
        (deployment,) = [d for d in service["deployments"] if d["id"] == begun]
        others = [d for d in service["deployments"] if d["id"] != begun and d["runningCount"]]
        if deployment["rolloutState"] == "FAILED":
            raise ValueError("Resource handler returned message: ECS Deployment Circuit Breaker was triggered")
        if deployment["rolloutState"] == "COMPLETED" and service["runningCount"] == service["desiredCount"] and not others:
            return
    raise ValueError(f"Resource handler returned message: {name} did not become steady")


for operation in ("create", "update"):

    @around("AWS::ECS::Service", operation)
    def service(original, *given):
        # A parameter is text until somebody makes a number of it.
        given = [value | {"DesiredCount": int(value["DesiredCount"])} if isinstance(value, dict) else value for value in given]
        made = original(*given)
        steady(given[-2]["Cluster"], given[-2]["ServiceName"])
        return made


on_worker = stacks._runs_on_worker_thread
stacks._runs_on_worker_thread = lambda resource_type: resource_type == "AWS::ECS::Service" or on_worker(resource_type)


# What was asked of IAM, and its answer, is written down: the proof of the policies reads it.
evaluate = iam_evaluator.evaluate


def recorded(context, *policies):
    # The resource of this call is the service, not its cluster.
    if context.action == "ecs:DescribeServices":
        context.resource_arn = context.resource_arn.replace(":cluster/", ":service/") + "/picus-service"
    result = evaluate(context, *policies)
    call = [context.principal_arn, context.action, context.resource_arn, result.decision]
    with open(os.environ["PICUS_CALLS"], "a") as calls:
        calls.write(json.dumps(call) + "\n")
    return result


iam_evaluator.evaluate = recorded

# The scripts reach AWS by HTTPS and the emulator by HTTP, which the buckets' policies refuse.
pin_request_origin = app.pin_request_origin
app.pin_request_origin = lambda address, secure: pin_request_origin(address, True)

# /health is the service's, not the emulator's.
app._HEALTH_PATHS = ("/_ministack/health",)

accept_what_is_absent()
fargate.install(ecs, imds)

if __name__ == "__main__":
    app.main()
