"""deploy/restore: single items and whole tables, and restores that are interrupted at each step."""

import datetime
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest

from failing.lab import nth
from failing.ways import WAYS
from world import ROOT

TABLE, COPY = "picus_data", "picus_data_restored"
ITEMS = 12


class Past:
    """An account with the table, a service and a function. It knows the table's items at an earlier moment and now."""

    def __init__(self, lab):
        self.case = lab.account()
        self.account = self.case.account
        self.dynamodb = self.account.client("dynamodb")
        self.account.make_table(Tags=[{"Key": "project", "Value": "picus"}, {"Key": "team", "Value": "birds"}])
        recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}
        self.dynamodb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=recovery)
        self.dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
        self.serve()
        for number in range(ITEMS):
            self.put(f"key-{number}", number)
        self.then = self.items()
        self.settings = self.look()
        # Restores are to whole seconds, so nothing may be written in the restored second.
        time.sleep(1.1)
        self.moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(1.1)
        self.dynamodb.delete_item(TableName=TABLE, Key={"object_id": {"S": "key-1"}})
        self.put("key-2", 200)
        self.put("later", 1)
        self.now = self.items()

    def serve(self):
        ecs = self.account.client("ecs")
        ecs.create_cluster(clusterName="picus-cluster")
        definition = ecs.register_task_definition(family="picus", containerDefinitions=[{"name": "service", "image": "none", "memory": 64}])
        ecs.create_service(
            cluster="picus-cluster", serviceName="picus-service", desiredCount=2, taskDefinition=definition["taskDefinition"]["taskDefinitionArn"]
        )
        self.account.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs", ResourceId="service/picus-cluster/picus-service", ScalableDimension="ecs:service:DesiredCount", MinCapacity=2, MaxCapacity=6
        )
        self.account.client("lambda").create_function(
            FunctionName="picus-delete-function", Runtime="provided.al2023", Handler="bootstrap",
            Role=f"arn:aws:iam::{self.account.id}:role/picus-lambda-role", Code={"ZipFile": self.case.lab.package.read_bytes()},
        )

    def put(self, key, value):
        self.dynamodb.put_item(TableName=TABLE, Item={"object_id": {"S": key}, "value": {"N": str(value)}})

    def items(self):
        return {item["object_id"]["S"]: item for item in self.dynamodb.scan(TableName=TABLE)["Items"]}

    def look(self):
        """The table's settings, and whether the service and the function use it."""
        table = self.dynamodb.describe_table(TableName=TABLE)["Table"]
        tags = self.dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        backups = self.dynamodb.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        service = self.account.client("ecs").describe_services(cluster="picus-cluster", services=["picus-service"])["services"][0]
        targets = self.account.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        return {
            "protected": table["DeletionProtectionEnabled"],
            "tags": sorted((tag["Key"], tag["Value"]) for tag in tags),
            "recovery": backups["PointInTimeRecoveryStatus"],
            "expiry": self.dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"],
            "tasks": (service["desiredCount"], service["runningCount"]),
            "scaling": any(any(target["SuspendedState"].values()) for target in targets),
            "deletes": self.account.client("lambda").get_function(FunctionName="picus-delete-function").get("Concurrency"),
            "tables": self.dynamodb.list_tables()["TableNames"],
        }

    def restore(self, *arguments, **failing):
        return self.case.run("restore", *arguments, **failing)

    def whole(self, **failing):
        return self.restore("--to", self.moment, "--all", "--yes", **failing)


@pytest.fixture
def past(lab):
    return Past(lab)


def test_single_items_are_restored_and_nothing_else_changes(past):
    done = past.restore("--to", past.moment, "--item", "key-1", "--item", "key-2", "--item", "key-3", "--yes")
    assert done.code == 0, done
    for told in ("key-1: gone now", "key-2: another one now", "key-3: as it was", "2 items are put back as they were"):
        assert told in done.out
    assert past.items() == past.now | {key: past.then[key] for key in ("key-1", "key-2")}
    assert past.look() == past.settings


def test_a_missing_item_stops_the_restore_before_any_item_is_restored(past):
    done = past.restore("--to", past.moment, "--item", "key-1", "--item", "later", "--yes")
    assert done.code == 1 and done.err == "restore: at that moment there was no item later: nothing was changed\n", done
    assert past.items() == past.now


def test_the_whole_table_is_restored_with_its_settings(past):
    done = past.whole()
    assert done.code == 0, done
    assert f"at that moment {ITEMS} items, now {len(past.now)}" in done.out
    assert past.items() == past.then and past.look() == past.settings
    again = past.whole()
    assert again.code == 0 and "was restored to that moment already" in again.out, again
    assert past.items() == past.then and past.look() == past.settings


def test_answering_no_keeps_the_table_and_its_protection(past):
    done = past.restore("--to", past.moment, "--all")
    assert done.code == 1 and "nothing of that was done" in done.err, done
    assert past.items() == past.now and past.look() == past.settings | {"tables": [TABLE, COPY]}


def test_restoring_to_a_moment_with_an_empty_table_is_refused(past):
    done = past.restore("--to", "2020-01-01T00:00:00Z", "--all", "--yes")
    assert done.code == 1 and f"{TABLE} had no item at that moment: nothing was changed" in done.err, done
    other = past.whole()
    assert other.code == 1 and f"{COPY} is there and of 2020-01-01T00:00:00Z" in other.err, other
    assert past.items() == past.now


def test_a_deleted_table_is_restored(past):
    done = past.restore("--deleted", "--yes")
    assert done.code == 1 and done.err.startswith("restore: DynamoDB has no backup"), done
    past.dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    past.dynamodb.delete_table(TableName=TABLE)
    assert "deploy/restore --deleted restores one that was deleted" in past.whole().err
    done = past.restore("--deleted", "--yes")
    assert done.code == 0, done
    assert past.items() == past.now
    # A deleted table's tags and time to live are lost.
    assert past.look() == past.settings | {"tags": [("project", "picus")], "expiry": {"TimeToLiveStatus": "DISABLED"}}


READING = re.compile(r"(describe|list|get|batch-get|scan)|^$")
# The script is killed after each call that changes something. Each call that only reads fails in one of these
# ways. With # PICUS_EVERY_FAILURE=1, every call fails in every way.
OF_READING = ("throttled", "denied", "empty", "hollow", "cut off", "offline")


def test_an_interrupted_restore_is_completed_by_the_same_command(lab):
    calls = Past(lab).whole().calls
    changing = [number for number, call in enumerate(calls, start=1) if not READING.search(call)]
    assert len(changing) > 12, calls
    reading = [calls.index(call) + 1 for call in dict.fromkeys(calls) if READING.search(call)]
    plan = [(number, "killed") for number in changing]
    plan += [(number, OF_READING[turn % len(OF_READING)]) for turn, number in enumerate(reading)]
    if os.environ.get("PICUS_EVERY_FAILURE") == "1":
        plan = [(number, way) for number in range(1, len(calls) + 1) for way in WAYS]
    with ThreadPoolExecutor(3) as beside:
        outcomes = list(beside.map(lambda each: stopped_and_completed(Past(lab), nth(calls, each[0]), each[1]), plan))
    assert [wrong for wrong in outcomes if wrong] == []


def stopped_and_completed(past, at, way):
    """Lets a restore fail at a call, and repeats it. Returns what is wrong, or None."""
    first = past.whole(at=at, way=way)
    if not holds_the_items_of_then(past):
        return "the items are nowhere", at, way, first
    second = past.whole() if first.code else first
    if second.code or past.items() != past.then or past.look() != past.settings:
        return "not completed", at, way, first, second, past.look()
    return None


def holds_the_items_of_then(past):
    """Whether the items are safe: in the recoverable table, in the copy, or in a restored table."""
    for table in (TABLE, COPY):
        try:
            found = past.dynamodb.scan(TableName=table)["Items"]
        except botocore.exceptions.ClientError:
            continue
        if {key: item for item in found if (key := item["object_id"]["S"]) in past.then} == past.then or table == TABLE and len(found) == len(past.now):
            return True
    return False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--all"], "--to MOMENT is missing"),
        (["--to", "yesterday", "--all"], "--to wants a moment like 2026-11-24T06:00:00Z, not yesterday"),
        (["--to", "2026-11-24T06:00:00Z"], "one of --item KEY, --all and --deleted is needed"),
        (["--to", "2026-11-24T06:00:00Z", "--all", "--item", "a"], "one of --item KEY, --all and --deleted is needed"),
        (["--to", "2026-11-24T06:00:00Z", "--deleted"], "--to MOMENT goes with --item and --all, not with --deleted"),
    ],
)
def test_a_restore_needs_valid_arguments(given, said):
    done = subprocess.run([ROOT / "deploy/restore", *given], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (64, f"restore: {said}; see {ROOT}/deploy/restore --help\n")
