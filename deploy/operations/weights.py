"""Tells which of the service's two target groups gets the requests.

One rule of the load balancer sends to both, by weights that ECS owns: a canary's release moves them from one group to
the other, and the next one moves them back.
"""

from .aws import Refused, ask

# The group that the templates first send all requests to.
FIRST, SECOND = "picus-ecs-tg", "picus-ecs-tg-canary"


def groups(name):
    """The target group of that name, or none."""
    try:
        return ask("elbv2", "describe-target-groups", Names=[name])["TargetGroups"]
    except Refused as refused:
        if "NotFound" in refused.code:
            return []
        raise


def live():
    """The weight of each of the two groups; empty if no rule forwards to both."""
    weights = {}
    for balancer in [balancer for group in groups(FIRST) for balancer in group["LoadBalancerArns"]]:
        for listener in ask("elbv2", "describe-listeners", LoadBalancerArn=balancer)["Listeners"]:
            for rule in ask("elbv2", "describe-rules", ListenerArn=listener["ListenerArn"])["Rules"]:
                weights.update(weights_of(rule))
    return weights


def weights_of(rule):
    forwards = [action["ForwardConfig"]["TargetGroups"] for action in rule["Actions"] if action.get("ForwardConfig")]
    shared = [targets for targets in forwards if len(targets) > 1]
    return {target["TargetGroupArn"].split("/")[-2]: target["Weight"] for targets in shared for target in targets}
