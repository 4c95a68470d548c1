"""Upgrades an account from the first version to this one under load, and goes back.

`first-version/` has that version's rendered templates.
"""

import contextlib

import botocore.exceptions
import pytest

import intended
from clients import Load, call
from test_story import HANDLER, IMAGE, REPOSITORY, expect_images
from world import ADMINISTRATOR, ROOT, wait_for

FIRST = ROOT / "deploy/tests/first-version"
SERVICE = {"cluster": "picus-cluster", "services": ["picus-service"]}
RELEASE = "20260101T000000Z-two"


def wait_for_stack(world, name):
    wait_for(lambda: not world.stack(name)["StackStatus"].endswith("_IN_PROGRESS"), patience=600)
    return world.stack(name)["StackStatus"]


def parameters(given):
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]


def service(world):
    return world.client("ecs").describe_services(**SERVICE)["services"][0]


@pytest.fixture(scope="module")
def first(world):
    """The first version, deployed by its own scripts, with one item and a third task that scaling added."""
    world.keys = ADMINISTRATOR
    cloudformation, s3 = world.client("cloudformation"), world.client("s3")
    how = {"Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"], "Tags": [{"Key": "project", "Value": "picus"}]}
    # After the story there is a bootstrap; alone, this test begins with an empty account.
    there = "picus-bootstrap" in [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]]
    (cloudformation.update_stack if there else cloudformation.create_stack)(
        StackName="picus-bootstrap",
        TemplateBody=(FIRST / "bootstrap.yaml").read_text(),
        Parameters=parameters({"GitHubRepository": REPOSITORY}),
        **how,
    )
    assert wait_for_stack(world, "picus-bootstrap") == ("UPDATE_COMPLETE" if there else "CREATE_COMPLETE")

    # The first version's first attempt created this role, and its second one found it.
    with contextlib.suppress(botocore.exceptions.ClientError):
        world.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    # The story has pushed this tag too, and a tag can't be moved.
    with contextlib.suppress(world.client("ecr").exceptions.ImageTagAlreadyExistsException):
        world.push("two", IMAGE)
    bucket = f"picus-artifacts-{world.account}-{world.region}"
    given = {"Release": RELEASE, "ImageTag": "two"}
    parts = {
        "picus.yaml": (FIRST / "picus.yaml").read_bytes(),
        "alarms.yaml": (FIRST / "alarms.yaml").read_bytes(),
        "delete-handler.zip": HANDLER.read_bytes(),
        "parameters": "".join(f"{name}\t{value}\n" for name, value in given.items()).encode(),
    }
    for name, content in parts.items():
        s3.put_object(Bucket=bucket, Key=f"releases/{RELEASE}/{name}", Body=content)
    cloudformation.create_stack(
        StackName="picus",
        TemplateURL=f"https://s3.{world.region}.amazonaws.com/{bucket}/releases/{RELEASE}/picus.yaml",
        Parameters=parameters(given | {"DeployedAt": "2026-01-01T00:00:00Z", "DesiredTasks": "2"}),
        **how,
    )
    assert wait_for_stack(world, "picus") == "CREATE_COMPLETE"
    world.client("ecs").update_service(cluster="picus-cluster", service="picus-service", desiredCount=3)
    wait_for(lambda: service(world)["runningCount"] == 3)
    status, headers, _ = call(world.host(), "POST", "/picus/put", {"from": "the first version"})
    assert status == 201
    return headers["location"]


def test_the_upgrade_loses_no_request(world, first):
    host = world.host()
    with Load(host) as load:
        code, said = world.script("bootstrap", "--repository", REPOSITORY)
        assert code == 0, said
        world.assume(f"repo:{REPOSITORY}:ref:refs/heads/main")
        code, said = world.script("deploy", "--image", "two", "--delete-handler", HANDLER)
    assert code == 0, said
    assert load.failures == [] and load.requests > 100
    assert world.host() == host and call(host, "GET", first)[0] == 200
    # Scaling's number of tasks stays, although the template no longer has a count.
    assert service(world)["desiredCount"] == service(world)["runningCount"] == 3
    intended.routing(world)
    intended.roles(world)
    intended.table(world)


def test_going_back_to_the_first_version_loses_no_request(world, first):
    with Load(world.host()) as load:
        code, said = world.script("rollback", RELEASE)
    assert code == 0, said
    assert load.failures == [] and load.requests > 50
    assert service(world)["desiredCount"] == 3 and call(world.host(), "GET", first)[0] == 200
    expect_images(world, "two")


def test_tear_down_removes_everything(world):
    world.keys = ADMINISTRATOR
    code, said = world.script("tear-down", "--yes", "--table")
    assert code == 0 and "the table is gone" in said, said
