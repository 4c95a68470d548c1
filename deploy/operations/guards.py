"""What no deployment may do, read from its change set before it is executed."""

from .aws import ask
from .command import Failure

TABLE, RULE = "AWS::DynamoDB::Table", "AWS::ElasticLoadBalancingV2::ListenerRule"
# Where a rule of the templates sends all requests. A canary's release moves them to the other group and back.
FIRST_GROUP = "picus-ecs-tg"


def refuse_harm(changes):
    for change in changes:
        if change["Action"] in ("Add", "Import"):
            continue
        goes = change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional")
        if change["ResourceType"] == TABLE and goes:
            raise Failure("this would take the table out of the stack: not executed")
        if change["ResourceType"] == RULE and (group := served_elsewhere(change["PhysicalResourceId"])):
            raise Failure(
                f"the requests go to the target group {group} now, and a change of {change['LogicalResourceId']} would send them back "
                f"to {FIRST_GROUP}, which is empty: not executed; release once more as a canary, without this change, and they go to "
                f"{FIRST_GROUP} again"
            )


def served_elsewhere(rule):
    """The group beside the first one that a rule sends requests to, if there is one."""
    weights = weights_of(ask("elbv2", "describe-rules", RuleArns=[rule])["Rules"])
    others = [group for group, weight in weights.items() if weight and group != FIRST_GROUP]
    return others[0] if FIRST_GROUP in weights and others else None


def weights_of(rules):
    """Each target group's weight in the rules that send requests to more than one."""
    weights = {}
    for rule in rules:
        for action in rule["Actions"]:
            groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
            if len(groups) > 1:
                weights.update({group["TargetGroupArn"].split("/")[-2]: group["Weight"] for group in groups})
    return weights
