"""Adds rules that forward to several target groups by weight. MiniStack supports only the first group."""

import random

from ministack.services import alb

from corrections import around


def weighted(action):
    """The target groups of an action, with their weights."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]


for operation in ("create", "update"):

    @around("AWS::ElasticLoadBalancingV2::ListenerRule", operation)
    def rule(original, *given):
        arn, attributes = original(*given)
        # On an update, the old properties come before the new ones.
        properties = [value for value in given if isinstance(value, dict)][-1]
        for stored, meant in zip(alb._rules[arn]["Actions"], properties["Actions"], strict=True):
            if weighted(meant):
                stored["ForwardConfig"] = meant["ForwardConfig"]
        return arn, attributes


def parsed(original, params, prefix="DefaultActions"):
    actions = original(params, prefix)
    for number, action in enumerate(actions, start=1):
        here, groups = f"{prefix}.member.{number}.ForwardConfig.TargetGroups.member", []
        while arn := alb._p(params, f"{here}.{len(groups) + 1}.TargetGroupArn"):
            groups.append({"TargetGroupArn": arn, "Weight": alb._p(params, f"{here}.{len(groups) + 1}.Weight", "1")})
        if groups:
            action["ForwardConfig"] = {"TargetGroups": groups}
    return actions


def shown(original, action):
    if not weighted(action):
        return original(action)
    members = "".join(f"<member><TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight></member>" for arn, weight in weighted(action))
    alone = {name: value for name, value in action.items() if name != "TargetGroupArn"}
    return original(alone).replace("</member>", f"<ForwardConfig><TargetGroups>{members}</TargetGroups></ForwardConfig></member>")


async def executed(original, action, *request):
    if weighted(action):
        groups, weights = zip(*weighted(action), strict=True)
        action = action | {"TargetGroupArn": random.choices(groups, weights)[0]}
    return await original(action, *request)


for name, replacement in (("_parse_actions", parsed), ("_action_xml", shown), ("_execute_action", executed)):
    original = getattr(alb, name)
    setattr(alb, name, lambda *given, original=original, replacement=replacement: replacement(original, *given))
