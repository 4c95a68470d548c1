"""Adds behaviour of ECS and CloudFormation during a deployment that MiniStack lacks: a first deployment counts failed tasks as
later ones do, tasks fail by their health checks, alarms fail a deployment, and a stack waits for its service and fails with
it."""

import time
import urllib.error
import urllib.request

from ministack.core import concurrency
from ministack.services import alb, cloudwatch, ecs
from ministack.services.cloudformation import stacks

from corrections import around, handlers


make_deployment = ecs._make_deployment


def in_progress(*given, **named):
    """A deployment begins without tasks. In MiniStack, a service's first deployment begins as completed, so its circuit
 breaker would count no failed task."""
    return make_deployment(*given, **named) | {"rolloutState": "IN_PROGRESS", "rolloutStateReason": ""}


ecs._make_deployment = in_progress


def answer_of(address, port, group):
    """The status of the response to a target group's health check, or why there was none."""
    port = port if group["HealthCheckPort"] == "traffic-port" else group["HealthCheckPort"]
    try:
        with urllib.request.urlopen(f"http://{address}:{port}{group['HealthCheckPath']}", timeout=group["HealthCheckTimeoutSeconds"]) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return str(error)


def unhealthy_target(service, task):
    """Why a target group considers a task unhealthy, or None. Sends as many checks as make a target unhealthy, without the
 group's interval."""
    for balancer in service["loadBalancers"]:
        group = alb._tgs[balancer["targetGroupArn"]]
        for _ in range(int(group["UnhealthyThresholdCount"])):
            answer = answer_of(ecs._task_ip(task), balancer["containerPort"], group)
            if answer == group["Matcher"]["HttpCode"]:
                break
            time.sleep(0.5)
        else:
            return f"Task failed ELB health checks in {group['TargetGroupArn']}: {answer}"
    return None


record_healthy = ecs._record_service_task_healthy


def only_healthy(key, task):
    """A running task counts as healthy if its target groups say so, and as failed if they refuse it."""
    service = ecs._services.get(key)
    if service and (reason := unhealthy_target(service, task)):
        ecs._fail_task_start(task, ecs._get_docker(), reason)
    else:
        record_healthy(key, task)


ecs._record_service_task_healthy = only_healthy


def stop_unhealthy(service, deployment):
    """During a deployment, ECS stops a task that has become unhealthy, counts it as failed, and starts another."""
    for task in list(ecs._tasks.values()):
        is_its = task.get("_deployment_id") == deployment["id"] and task.get("_startup_stable") and task["lastStatus"] == "RUNNING"
        if is_its and deployment["rolloutState"] == "IN_PROGRESS" and (reason := unhealthy_target(service, task)):
            ecs._fail_task_start(task, ecs._get_docker(), reason)


def alarms_on(properties):
    """The alarms of a deployment that are on now."""
    alarms = properties["DeploymentConfiguration"]["Alarms"]
    return [name for name in alarms["AlarmNames"] if alarms["Enable"] and cloudwatch._alarms[name]["StateValue"] == "ALARM"]


def go_back(key, failed, reason):
    """If a deployment fails and rollback is on, ECS goes back to the last completed deployment."""
    service = ecs._services[key]
    with concurrency.resource_lock("ecs-service", key):
        completed = next(d for d in service["deployments"] if d["rolloutState"] == "COMPLETED")
        failed.update(status="ACTIVE", desiredCount=0, rolloutState="FAILED", rolloutStateReason=reason)
        completed.update(status="PRIMARY", desiredCount=service["desiredCount"], rolloutState="IN_PROGRESS")
        service["taskDefinition"] = completed["taskDefinition"]
    cluster = key.split("/")[0]
    ecs._reconcile_service_tasks(cluster, key)
    ecs._schedule_service_deployment_completion(cluster, key, ecs.get_account_id(), ecs.get_region())


def steady(properties, alarms_are_watched, patience=600):
    """Waits until the service is steady, or its deployment has failed."""
    key = f"{properties['Cluster']}/{properties['ServiceName']}"
    service = ecs._services[key]
    begun = ecs._primary_deployment(service)["id"]
    until = time.monotonic() + patience
    while time.monotonic() < until:
        time.sleep(0.5)
        (deployment,) = [d for d in service["deployments"] if d["id"] == begun]
        stop_unhealthy(service, deployment)
        others = [d for d in service["deployments"] if d["id"] != begun and d["runningCount"]]
        if alarms_are_watched and deployment["rolloutState"] == "IN_PROGRESS" and (on := alarms_on(properties)):
            if properties["DeploymentConfiguration"]["Alarms"]["Rollback"]:
                go_back(key, deployment, f"ECS deployment alarms: {on}")
            raise ValueError(f"Resource handler returned message: ECS Deployment Alarm was triggered: {', '.join(on)}")
        if deployment["rolloutState"] == "FAILED":
            raise ValueError("Resource handler returned message: ECS Deployment Circuit Breaker was triggered")
        if deployment["rolloutState"] == "COMPLETED" and service["runningCount"] == service["desiredCount"] and not others:
            return
    raise ValueError(f"Resource handler returned message: {key} did not become steady")


for operation in ("create", "update"):

    @around("AWS::ECS::Service", operation)
    def service(original, *given, operation=operation):
        # CloudFormation passes parameters as text, so the count must become a number.
        given = [value | {"DesiredCount": int(value["DesiredCount"])} if "DesiredCount" in value else value for value in given]
        properties = given[-2]
        # If an alarm is on already, ECS ignores all of them, so that a fix can be deployed.
        alarms_are_watched = not alarms_on(properties)
        made = original(*given)
        try:
            steady(properties, alarms_are_watched)
        except ValueError:
            # A service that never became steady exists nevertheless, and a rollback deletes it.
            if operation == "create":
                handlers["AWS::ECS::Service"]["delete"](made[0], properties)
            raise
        return made


on_worker = stacks._runs_on_worker_thread
stacks._runs_on_worker_thread = lambda resource_type: resource_type == "AWS::ECS::Service" or on_worker(resource_type)
