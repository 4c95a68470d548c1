"""Deploys Picus into an empty account, makes good and bad releases, and tears everything down.

The tests are one story: each begins where the one before ended. Tests marked `whole` may be left out.
"""

import json
import os
import pathlib
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest

import intended
from clients import Load, call
from world import ADMINISTRATOR, ROOT, docker, package, wait_for

IMAGE = os.environ["PICUS_IMAGE"]
HANDLER = pathlib.Path(os.environ["PICUS_DELETE_HANDLER"])
# The repository, with its ids, as in GitHub's tokens.
REPOSITORY = "picus@1001/picus@2002"

# Ids of resources that must stay the same in every release.
kept = {}


def stateful(world):
    table = world.client("dynamodb").describe_table(TableName="picus_data")["Table"]
    elb = world.client("elbv2")
    return {
        "table": (table["TableArn"], table["CreationDateTime"]),
        "address": world.host(),
        "groups": sorted(group["TargetGroupArn"] for group in elb.describe_target_groups()["TargetGroups"]),
        "logs": sorted((group["logGroupName"], group["creationTime"]) for group in world.client("logs").describe_log_groups()["logGroups"]),
    }


def running_images(world):
    images = docker("ps", "--filter", "name=ministack-ecs-", "--format", "{{.Image}}").split()
    return {image.rsplit(":")[-1] for image in images if image.startswith(world.repository)}


def expect_images(world, *tags):
    """Waits until old containers are gone: ECS is steady before the containers of stopped tasks have drained."""
    wait_for(lambda: running_images(world) == set(tags))


def parameters(world):
    """The stack's parameters, except the time."""
    found = {p["ParameterKey"]: p["ParameterValue"] for p in world.stack()["Parameters"]}
    found.pop("DeployedAt", None)
    return found


def set_alarm(world, state):
    """Sets the first alarm that fails a deployment."""
    world.client("cloudwatch").set_alarm_state(AlarmName=intended.ROLLBACK_ALARMS[0], StateValue=state, StateReason="the story")


def pending(world):
    changes = world.client("cloudformation").list_change_sets(StackName="picus")["Summaries"]
    return [change["ChangeSetName"] for change in changes if change["ExecutionStatus"] == "AVAILABLE"]


def test_the_scripts_say_what_an_empty_account_lacks(world):
    code, said = world.script("deploy", "--image", "one", "--delete-handler", HANDLER)
    assert code == 1 and "run deploy/bootstrap first" in said.splitlines()[-1]
    code, said = world.script("bootstrap")
    assert code == 64 and re.search(r"--repository \S+ is missing", said)


def test_an_old_bucket_is_named_before_anything_is_created(world):
    s3, bucket = world.client("s3"), f"picus-artifacts-{world.account}-{world.region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": world.region})
    code, said = world.script("bootstrap", "--repository", REPOSITORY)
    assert code == 1 and f"the bucket {bucket} is left from an earlier bootstrap" in said and said.count("\n") == 1
    s3.delete_bucket(Bucket=bucket)


def test_bootstrap_prepares_the_account_and_is_completed_or_repeated_by_the_same_command(world):
    world.interrupt("picus-bootstrap", "REVIEW_IN_PROGRESS", "bootstrap", "--repository", REPOSITORY)
    for _ in range(2):
        code, said = world.script("bootstrap", "--repository", REPOSITORY)
        assert code == 0, said
    assert world.stack("picus-bootstrap")["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_only_the_branch_main_may_deploy(world):
    """A later repository with the same name has another id, and may not deploy either."""
    for stranger in (
        f"{REPOSITORY}:ref:refs/heads/other",
        f"{REPOSITORY}:pull_request",
        "picus@1001/fork@2003:ref:refs/heads/main",
        "picus@1001/picus@2003:ref:refs/heads/main",
        "picus@1002/picus@2002:ref:refs/heads/main",
        "picus/picus:ref:refs/heads/main",
    ):
        with pytest.raises(botocore.exceptions.ClientError, match="Not authorized"):
            world.assume(f"repo:{stranger}")
    world.assume(f"repo:{REPOSITORY}:ref:refs/heads/main")


def test_an_image_that_was_not_pushed_is_not_deployed(world):
    code, said = world.script("deploy", "--image", "one", "--delete-handler", HANDLER)
    assert code == 1 and "push it first" in said.splitlines()[-1]


def test_parameters_that_do_not_go_together_are_refused_before_anything_is_changed(world):
    world.push("one", IMAGE)
    tls = ("--parameter", f"CertificateArn=arn:aws:acm:{world.region}:{world.account}:certificate/1")
    code, said = world.script("deploy", "--image", "one", "--delete-handler", HANDLER, *tls)
    assert code != 0 and "CertificateArn needs PublicName" in said
    code, said = world.script("status")
    assert code == 0 and said == "stack picus: NONE\n"


def test_a_role_with_a_name_of_picus_is_named_before_anything_is_created(world):
    iam = world.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="ecsTaskExecutionRole", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    code, said = world.script("deploy", "--image", "one", "--delete-handler", HANDLER)
    assert code == 1 and "has a role ecsTaskExecutionRole already" in said and said.count("\n") == 1
    assert "was not used for 400 days" in said
    iam.delete_role(RoleName="ecsTaskExecutionRole")


@pytest.mark.whole
def test_a_first_release_that_stays_unhealthy_is_rolled_back(world):
    world.push("broken", IMAGE, "ENV PICUS_WORKERS=none")
    code, said = world.script("deploy", "--image", "broken", "--delete-handler", HANDLER)
    assert code == 1 and "stack picus is ROLLBACK_COMPLETE" in said.splitlines()[-1], said


def test_the_first_release_succeeds_after_a_failure_a_missing_role_and_a_kill(world):
    """ECS's role is missing, as if an older bootstrap had not created it. Repeating the command completes the deployment."""
    world.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    world.interrupt("picus", "CREATE_IN_PROGRESS", "deploy", "--image", "one", "--delete-handler", HANDLER)
    code, said = world.script("deploy", "--image", "one", "--delete-handler", HANDLER)
    assert code == 0, said
    assert "delete what was deleted: 404" in said
    assert f"is served at http://{world.host()}" in said
    kept.update(stateful(world))


def test_the_api_works_through_the_load_balancer(world):
    host = world.host()
    item = {"name": "Käse", "price": 12345678901234567890123, "deep": [{"a": None}, True]}
    status, headers, body = call(host, "POST", "/picus/put", item)
    assert status == 201, body
    key = json.loads(body)["object_id"]
    assert headers["location"] == f"/picus/get/{key}"
    status, headers, body = call(host, "GET", f"/picus/get/{key}", headers={"X-Request-Id": "story"})
    assert status == 200 and json.loads(body) == item | {"object_id": key}
    assert headers["x-request-id"] == "story" and headers["x-amzn-trace-id"].startswith("Root=1-")

    for _ in range(2):
        status, _, body = call(host, "POST", "/picus/put", {"a": 1}, {"Idempotency-Key": "story"})
        assert status == 201
    assert call(host, "POST", "/picus/put", {"a": 2}, {"Idempotency-Key": "story"})[0] == 409
    second = json.loads(body)["object_id"]

    keys, path = set(), "/picus/list?limit=1"
    while path:
        status, headers, body = call(host, "GET", path)
        assert status == 200
        keys |= {found["object_id"] for found in json.loads(body)}
        path = headers["link"].split(">")[0].lstrip("<") if "link" in headers else None
    assert keys == {key, second} == {found["object_id"] for found in json.loads(call(host, "GET", "/picus/list")[2])}

    for method, path, body, sent, status, code in (
        ("POST", "/picus/put", b"{", {}, 400, "invalid_json"),
        ("POST", "/picus/put", {"object_id": "mine"}, {}, 400, "reserved_attribute"),
        ("POST", "/picus/put", {"a": 1}, {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "/picus/put", {"a": "x" * 500_000}, {}, 413, "item_too_large"),
        ("GET", "/picus/get/none", None, {}, 404, "item_not_found"),
        ("GET", "/nowhere", None, {}, 404, "unknown_path"),
        ("PUT", "/picus/put", None, {}, 405, "method_not_allowed"),
        ("DELETE", "/picus/none", None, {}, 404, "item_not_found"),
        ("DELETE", "/health", None, {}, 405, "method_not_allowed"),
    ):
        got, _, answer = call(host, method, path, body, sent)
        assert (got, json.loads(answer)["code"]) == (status, code), (method, path, answer)

    assert call(host, "DELETE", f"/picus/{second}")[0] == 200
    assert call(host, "DELETE", f"/picus/{second}")[0] == 404
    kept["key"] = key


@pytest.mark.parametrize("part", intended.ALL, ids=lambda part: part.__name__)
def test_the_account_has_everything_that_was_intended(world, part):
    part(world)


def test_a_call_without_its_permission_is_refused(world):
    """A call succeeds with its permission and fails without it, so the emulator enforces the policies."""
    iam, host = world.client("iam"), world.host()
    for role, action, request in (
        ("ecsTaskRole", "dynamodb:PutItem", ("POST", "/picus/put", {"a": 1})),
        ("picus-lambda-role", "dynamodb:DeleteItem", ("DELETE", "/picus/none")),
        ("picus-lambda-role", "dynamodb:GetItem", ("DELETE", "/picus/none", None, {"If-Match": "*"})),
    ):
        policy = iam.get_role_policy(RoleName=role, PolicyName="picus")["PolicyDocument"]
        denied = policy | {"Statement": [*policy["Statement"], {"Effect": "Deny", "Action": action, "Resource": "*"}]}
        iam.put_role_policy(RoleName=role, PolicyName="picus", PolicyDocument=json.dumps(denied))
        assert call(host, *request)[0] == 500
        iam.put_role_policy(RoleName=role, PolicyName="picus", PolicyDocument=json.dumps(policy))
        assert call(host, *request)[0] in (201, 404)


def test_a_new_image_is_released_without_losing_a_request(world):
    world.push("two", IMAGE)
    with Load(world.host()) as load:
        code, said = world.script("deploy", "--image", "two", "--delete-handler", HANDLER, "--parameter", "RequestsPerAddress=2000")
    assert code == 0, said
    assert load.failures == [] and load.requests > 100
    expect_images(world, "two")
    assert stateful(world) == {name: kept[name] for name in kept if name != "key"}
    assert call(world.host(), "GET", f"/picus/get/{kept['key']}")[0] == 200


def test_a_parameter_keeps_its_value(world):
    assert [acl["Name"] for acl in world.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]] == ["picus"]
    code, said = world.script("deploy", "--image", "two", "--delete-handler", HANDLER, "--show")
    assert code == 0 and "Service" in said, said
    set_now = parameters(world)
    assert set_now["RequestsPerAddress"] == "2000"
    assert pending(world) == []


def test_a_template_that_would_replace_the_table_is_not_executed(world):
    elsewhere = world.work / "elsewhere"
    for folder in ("deploy", "policies", "dashboards"):
        shutil.copytree(ROOT / folder, elsewhere / folder)
    shutil.copy(ROOT / "otel-collector.yaml", elsewhere)
    table = elsewhere / "deploy/templates/picus/table.yaml"
    table.write_text(table.read_text().replace("picus_data", "another"))
    code, said = world.run(elsewhere / "deploy/deploy", "--image", "two", "--delete-handler", HANDLER)
    assert code == 1 and said.endswith("deploy: this would take the table out of the stack: not executed\n"), said
    assert pending(world) == []


@pytest.mark.whole
def test_a_release_that_stays_unhealthy_rolls_back_by_itself(world):
    with Load(world.host()) as load:
        code, said = world.script("deploy", "--image", "broken", "--delete-handler", HANDLER)
    assert code == 1, said
    assert "Circuit Breaker" in said and "stack picus is UPDATE_ROLLBACK_COMPLETE" in said.splitlines()[-1]
    assert load.failures == [] and load.requests > 100
    expect_images(world, "two")
    assert stateful(world) == {name: kept[name] for name in kept if name != "key"}


@pytest.mark.whole
def test_a_release_during_which_an_alarm_fires_rolls_back_by_itself(world):
    """The release is good; only the alarm stops it."""
    world.push("alarming", IMAGE)

    def fire():
        """Waits until a new task serves beside the old ones."""
        service = {"cluster": "picus-cluster", "services": ["picus-service"]}

        def rolls_out():
            deployments = world.client("ecs").describe_services(**service)["services"][0]["deployments"]
            return [d["runningCount"] for d in deployments if d["rolloutState"] == "IN_PROGRESS"] == [1]

        wait_for(rolls_out, patience=300)
        assert "alarming" in running_images(world)
        set_alarm(world, "ALARM")

    with Load(world.host()) as load, ThreadPoolExecutor() as beside:
        fired = beside.submit(fire)
        code, said = world.script("deploy", "--image", "alarming", "--delete-handler", HANDLER)
        fired.result()
    assert code == 1, said
    assert f"Alarm was triggered: {intended.ROLLBACK_ALARMS[0]}" in said and "stack picus is UPDATE_ROLLBACK_COMPLETE" in said.splitlines()[-1]
    assert load.failures == [] and load.requests > 100
    expect_images(world, "two")
    assert stateful(world) == {name: kept[name] for name in kept if name != "key"}


@pytest.mark.whole
def test_a_release_that_fails_its_smoke_test_is_rolled_back(world):
    """The alarm is still on. It stops neither this deployment nor the rollback, because it was on when they began."""
    useless = package(world.work / "useless.zip", b"#!/bin/sh\nexit 1\n")
    code, said = world.script("deploy", "--image", "one", "--delete-handler", useless)
    assert code == 1 and "was rolled back" in said.splitlines()[-1], said
    set_alarm(world, "OK")
    expect_images(world, "two")
    assert call(world.host(), "DELETE", "/picus/none")[0] == 404


def test_a_rollback_skips_a_release_whose_image_is_gone(world):
    world.client("ecr").batch_delete_image(repositoryName="picus-service", imageIds=[{"imageTag": "one"}])
    code, said = world.script("rollback")
    assert code == 1 and "one, is no longer in the repository picus-service" in said.splitlines()[-1], said
    world.push("one", IMAGE)


def test_a_rollback_goes_to_the_release_before(world):
    code, said = world.script("rollback", "--list")
    releases = said.split()
    assert code == 0 and [release.rsplit("-")[-1] for release in releases] == ["one", "two"]
    code, said = world.script("rollback")
    assert code == 0, said
    expect_images(world, "one")
    assert world.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    code, said = world.script("rollback")
    assert code == 1 and "there is no good release before" in said


def test_status_prints_what_is_deployed(world):
    code, said = world.script("status")
    assert code == 0, said
    for fact in ("-one", "2 of 2 tasks", "picus-ecs-tg", ":live: healthy", f"http://{world.host()}"):
        assert fact in said


@pytest.mark.whole
def test_the_table_is_restored_and_served_again(world):
    """`test_restore.py` tests each step, and each failure."""
    host = world.host()
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    assert call(host, "DELETE", f"/picus/{kept['key']}")[0] == 200
    role, world.keys = world.keys, ADMINISTRATOR
    code, said = world.script("restore", "--to", moment, "--all", "--yes")
    world.keys = role
    assert code == 0 and "the service is served again" in said, said
    intended.table(world)
    intended.tasks(world)
    assert call(host, "GET", f"/picus/get/{kept['key']}")[0] == 200
    assert call(host, "DELETE", "/picus/none")[0] == 404


def test_tear_down_asks_first(world):
    code, said = world.script("tear-down", stdin="no\n")
    assert code == 1 and said.endswith("nothing was done\n"), said
    assert world.stack()["StackStatus"] == "UPDATE_COMPLETE"


def test_tear_down_leaves_the_table(world):
    code, said = world.script("tear-down", "--yes")
    assert code == 0, said
    elb, table = world.client("elbv2"), world.client("dynamodb")
    assert elb.describe_load_balancers()["LoadBalancers"] == elb.describe_target_groups()["TargetGroups"] == []
    expect_images(world)
    roles = {role["RoleName"] for role in world.client("iam").list_roles()["Roles"] if not role["Path"].startswith("/aws-service-role/")}
    assert roles == {"picus-deploy-role"}
    assert table.get_item(TableName="picus_data", Key={"object_id": {"S": kept["key"]}})["Item"]


@pytest.mark.whole
def test_a_deployment_imports_the_table_into_a_given_network_with_tls_and_access_logs(world):
    # The emulator accepts this host name for the load balancer too.
    name = "picus-alb.alb.localhost"
    certificate, (vpc, subnets) = world.certificate(name), world.network()
    networks = len(world.client("ec2").describe_vpcs()["Vpcs"])
    variant = {
        "VpcId": vpc,
        "LoadBalancerSubnetIds": ",".join(subnets),
        "TaskSubnetIds": ",".join(reversed(subnets)),
        "TaskPublicIp": "DISABLED",
        "CertificateArn": certificate,
        "PublicName": name,
        "AccessLogs": "true",
    }
    set_to = [word for parameter in variant.items() for word in ("--parameter", "=".join(parameter))]
    code, said = world.script("deploy", "--image", "two", "--delete-handler", HANDLER, *set_to)
    assert code == 0 and "Import  Table" in said and f"is served at https://{name}" in said, said
    assert len(world.client("ec2").describe_vpcs()["Vpcs"]) == networks
    intended.given_network(world, vpc, subnets)
    intended.https(world, certificate)
    intended.access_logs(world)

    code, said = world.run("curl", "--silent", "--show-error", "--include", f"https://{name}/picus/get/{kept['key']}")
    assert code == 0 and "200" in said.splitlines()[0] and json.loads(said.splitlines()[-1])["object_id"] == kept["key"]
    assert "strict-transport-security: max-age=31536000" in said.lower()
    status, headers, _ = call(name, "DELETE", f"/picus/{kept['key']}?a=b")
    assert (status, headers["location"]) == (301, f"https://{name}:443/picus/{kept['key']}?a=b")


@pytest.mark.whole
def test_a_rollback_keeps_the_parameters(world):
    """The rollback is to the deployed release. Each parameter must be as before."""
    before = parameters(world)
    code, said = world.script("rollback", before["Release"])
    assert code == 0 and "delete what was deleted: 404" in said, said
    assert parameters(world) == before


def test_only_an_administrator_can_delete_the_table(world):
    code, said = world.script("tear-down", "--yes", "--table")
    assert code == 1 and said.endswith("the table stays: to delete it, be an administrator\n"), said
    intended.table(world)
    world.keys = ADMINISTRATOR
    code, said = world.script("tear-down", "--yes", "--table")
    assert code == 0 and "stack picus is not there" in said and "the table is gone" in said, said
    code, said = world.script("tear-down", "--yes", "--table")
    assert code == 0 and "the table picus_data is not there" in said, said
    assert world.client("dynamodb").list_tables()["TableNames"] == []
