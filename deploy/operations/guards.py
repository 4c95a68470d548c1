"""Refuses change sets that would do what no deployment may do."""

from . import weights
from .command import Failure

TABLE, RULE = "AWS::DynamoDB::Table", "AWS::ElasticLoadBalancingV2::ListenerRule"


def refuse_harm(changes):
    """`changes` are those of an existing stack."""
    for change in changes:
        goes = change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional")
        if change["ResourceType"] == TABLE and goes:
            raise Failure("this would take the table out of the stack: not executed")
    rules = [change["LogicalResourceId"] for change in changes if change["ResourceType"] == RULE]
    if rules and weights.live().get(weights.SECOND):
        raise Failure(
            f"the target group {weights.SECOND} has requests now, and a change of {', '.join(rules)} would send them to {weights.FIRST}, "
            f"where no task is: not executed; release once more as a canary, without that change, and {weights.FIRST} has them again"
        )
