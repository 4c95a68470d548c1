"""Adds service-linked roles: their names, and the failure of a new account's first cluster, which is created before its role."""

from ministack.services import iam

from corrections import around

ROLES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
}

create = iam._create_service_linked_role


def create_service_linked_role(params):
    service = iam._p(params, "AWSServiceName")
    name = ROLES[service]
    if name in iam._roles:
        return iam._error(400, "InvalidInput", f"Service role name {name} has been taken in this account, please try a different suffix.", ns="iam")
    answer = create(params)
    made = next(role for role in iam._roles.values() if role["Path"] == f"/aws-service-role/{service}/")
    old = made["RoleName"]
    del iam._roles[old]
    iam._roles[name] = made | {"RoleName": name, "Arn": made["Arn"].replace(old, name)}
    status, headers, body = answer
    return status, headers, body.replace(old.encode(), name.encode()) if isinstance(body, bytes) else body.replace(old, name)


iam._create_service_linked_role = create_service_linked_role
for table in (value for value in vars(iam).values() if isinstance(value, dict)):
    if table.get("CreateServiceLinkedRole") is create:
        table["CreateServiceLinkedRole"] = create_service_linked_role


@around("AWS::ECS::Cluster", "create")
def cluster(original, *given):
    if ROLES["ecs.amazonaws.com"] not in iam._roles:
        create_service_linked_role({"AWSServiceName": ["ecs.amazonaws.com"]})
        raise ValueError(
            "Resource handler returned message: Invalid request provided: CreateCluster Invalid Request: Unable to assume the service "
            "linked role. Please verify that the ECS service linked role exists."
        )
    return original(*given)
