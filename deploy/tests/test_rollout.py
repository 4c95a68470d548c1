"""Tests `rollout.py`: which tasks count as failed, with a target group that sends health checks to a real server."""

import http.server
import threading

import pytest
from ministack.services import alb, ecs

import rollout

WHERE = f"{ecs.get_region()}:{ecs.get_account_id()}"
GROUP = f"arn:aws:elasticloadbalancing:{WHERE}:targetgroup/picus-ecs-tg/1"
CLUSTER = f"arn:aws:ecs:{WHERE}:cluster/rollout"
KEY = "rollout/service"


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" and self.server.healthy else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    server.healthy = True
    threading.Thread(target=server.serve_forever).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def service(server):
    """A service during a deployment, with one task, whose health checks the server answers."""
    alb._tgs[GROUP] = {
        "TargetGroupArn": GROUP, "HealthCheckPort": "traffic-port", "HealthCheckPath": "/health", "HealthCheckTimeoutSeconds": 5,
        "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200"},
    }
    ecs._services[KEY] = {
        "serviceName": "service", "clusterArn": CLUSTER, "status": "ACTIVE", "desiredCount": 1, "runningCount": 1, "events": [],
        "loadBalancers": [{"targetGroupArn": GROUP, "containerPort": server.server_port}],
        "deployments": [{"id": "new", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "failedTasks": 0, "taskDefinition": "none"}],
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
    }
    yield ecs._services[KEY]
    ecs._services.pop(KEY)
    alb._tgs.pop(GROUP)


@pytest.fixture
def start(service):
    """Starts a task of the current deployment, or of another one."""
    started = []

    def start(deployment="new"):
        arn = f"arn:aws:ecs:{WHERE}:task/rollout/{len(started)}"
        ecs._tasks[arn] = {
            "taskArn": arn, "clusterArn": CLUSTER, "group": "service:service", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
            "_deployment_id": deployment, "_container_ip": "127.0.0.1",
        }
        started.append(arn)
        return ecs._tasks[arn]

    yield start
    for arn in started:
        ecs._tasks.pop(arn, None)


def test_a_task_that_passes_its_health_check_is_healthy(service, start):
    task = start()
    rollout.only_healthy(KEY, task)
    assert task["_startup_stable"] and task["lastStatus"] == "RUNNING"


@pytest.mark.parametrize(("wrong", "answer"), [
    ({"HealthCheckPath": "/healthy"}, "404"),
    ({"Matcher": {"HttpCode": "204"}}, "200"),
    ({"HealthCheckPort": "1"}, "<urlopen error [Errno 111] Connection refused>"),
], ids=["path", "matcher", "port"])
def test_a_task_fails_if_its_health_check_is_wrong(service, start, wrong, answer):
    alb._tgs[GROUP] |= wrong
    task = start()
    rollout.only_healthy(KEY, task)
    assert task["lastStatus"] == "STOPPED" and "_startup_stable" not in task
    assert task["stoppedReason"] == f"Task failed ELB health checks in {GROUP}: {answer}"
    assert service["deployments"][0]["failedTasks"] == 1


def test_tasks_that_become_unhealthy_fail_the_deployment(service, start, server):
    deployment = service["deployments"][0]
    service["deploymentConfiguration"]["deploymentCircuitBreaker"]["resetOnHealthyTask"] = False
    for failed in range(3):
        assert (deployment["rolloutState"], deployment["failedTasks"]) == ("IN_PROGRESS", failed)
        server.healthy = True
        task = start()
        rollout.only_healthy(KEY, task)
        rollout.stop_unhealthy(service, deployment)
        assert task["lastStatus"] == "RUNNING"
        server.healthy = False
        rollout.stop_unhealthy(service, deployment)
        assert task["lastStatus"] == "STOPPED"
    assert deployment["rolloutState"] == "FAILED"


def test_only_tasks_of_the_current_deployment_are_stopped(service, start, server):
    old, new = start("old"), start()
    old["_startup_stable"] = True
    server.healthy = False
    rollout.stop_unhealthy(service, service["deployments"][0])
    # The new task was never healthy, so `only_healthy` decides about it.
    assert old["lastStatus"] == new["lastStatus"] == "RUNNING"
