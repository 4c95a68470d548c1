"""The resource types that MiniStack does not support.

CloudFormation counts them as created, but nothing is created, except where another API of MiniStack can do it. A type that
MiniStack does not know and that is not listed here fails the deployment.
"""

from ministack.services import ec2, iam

import scaling
from corrections import called, handlers


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
    "AWS::ApplicationAutoScaling::ScalableTarget": scaling.create,
    "AWS::ApplicationAutoScaling::ScalingPolicy": nothing,
    "AWS::CloudWatch::CompositeAlarm": nothing,
    "AWS::WAFv2::WebACLAssociation": nothing,
}


def install():
    for resource_type, create in ABSENT.items():
        if resource_type in handlers:
            raise SystemExit(f"MiniStack knows {resource_type} now: take it off the list")
        handlers[resource_type] = {
            "create": create,
            "update": lambda physical_id, old, new, stack: (physical_id, {}),
            "delete": lambda physical_id, props: None,
        }
    handlers["AWS::ApplicationAutoScaling::ScalableTarget"] |= {"update": scaling.update, "delete": scaling.delete}
