"""Stops serving while a table is being replaced, so that nothing reads or writes it, and starts again.

Where Picus is not deployed there is nothing to stop.
"""

from .aws import Refused, ask, tell
from .command import say
from .tables import wait

SERVICE = {"cluster": "picus-cluster", "service": "picus-service"}
FUNCTION = "picus-delete-function"
SCALING = {
    "ServiceNamespace": "ecs",
    "ResourceId": f"service/{SERVICE['cluster']}/{SERVICE['service']}",
    "ScalableDimension": "ecs:service:DesiredCount",
}
KINDS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def stop():
    if service():
        say("stopping the service: clients get 503 until the table is there again")
        suspend_scaling(True)
        ask("ecs", "update-service", **SERVICE, desiredCount=0)
        if has_function():
            ask("lambda", "put-function-concurrency", FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
        wait("the tasks drain", lambda: service()["runningCount"] == 0)


def start():
    """Starts with scaling's minimum of tasks. Scaling adds what the load needs."""
    if service():
        if has_function():
            tell("lambda", "delete-function-concurrency", FunctionName=FUNCTION)
        fewest = max(target["MinCapacity"] for target in targets()) if targets() else 1
        if service()["desiredCount"] < fewest:
            ask("ecs", "update-service", **SERVICE, desiredCount=fewest)
        suspend_scaling(False)
        wait("the tasks start", lambda: service()["runningCount"] >= fewest)
        say("the service is served again")


def service():
    try:
        answer = ask("ecs", "describe-services", cluster=SERVICE["cluster"], services=[SERVICE["service"]])
    except Refused as refused:
        if refused.code == "ClusterNotFoundException":
            return None
        raise
    return next((found for found in answer["services"] if found["status"] == "ACTIVE"), None)


def has_function():
    try:
        ask("lambda", "get-function-configuration", FunctionName=FUNCTION)
    except Refused as refused:
        if refused.code == "ResourceNotFoundException":
            return False
        raise
    return True


def targets():
    return ask("application-autoscaling", "describe-scalable-targets", ServiceNamespace="ecs", ResourceIds=[SCALING["ResourceId"]])["ScalableTargets"]


def suspend_scaling(suspended):
    if targets():
        tell("application-autoscaling", "register-scalable-target", **SCALING, SuspendedState=dict.fromkeys(KINDS, suspended))
