"""Lets each call of the AWS CLI that a script makes fail once, in different ways. No failure may change anything silently.

After a failure, the script either gives the same result as without it, or stops with one clear line. Then it must have
changed only what it was meant to change, and running it again must complete it.

By default, each call fails in one way. The ways take turns. In addition, the first DescribeStacks is refused, which must
not count as "does not exist", and the script is killed after its last call. Variables change this:

- PICUS_EVERY_FAILURE=1: each call, except repeated polls, fails in every way.
- PICUS_FAILURE_WAYS="denied,killed": only in these ways.
- PICUS_FAILURE="5 denied": only this failure.
- PICUS_FAILURE_LOG=FILE: writes a line for each failure. Failures that are in the file and passed are not repeated, so a
 run of many hours can be interrupted.
"""

import itertools
import os
import pathlib
import re
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest

from failing.lab import REPOSITORY, nth
from failing.ways import WAYS

EVERY = os.environ.get("PICUS_EVERY_FAILURE") == "1"
REFUSALS = ("denied", "refused")
LOG = os.environ.get("PICUS_FAILURE_LOG")
WORKERS = int(os.environ.get("PICUS_FAILURE_WORKERS", "3"))

# `start` prepares the account, which is empty or in the state where the case before ended.
# `sample`: by default, how many of the script's calls fail. `fresh`: each case needs an empty account.
# `reads`: the script only prints, so its output is compared. `tells`: text on stderr of a script that is meant
# to fail.
# `between`: facts that are true only between two of the script's calls.
Scenario = namedtuple("Scenario", "command start sample fresh reads code tells between", defaults=(False, False, 0, "", None))

SET = ("--parameter", "RequestsPerAddress=2000", "--parameter", "MinTasks=3", "--parameter", "LogRetentionDays=60")


def empty(case):
    pass


def bootstrapped(case):
    if "picus-bootstrap" not in case.account.stacks():
        case.bootstrapped("one", "two", "bad")


def deployed(case):
    """A deployment with other parameters than the defaults and with more tasks, which a failed call could reset."""
    bootstrapped(case)
    if "picus" not in case.account.stacks():
        case.must(*case.deploy("one", *SET))
        for topic in ("picus-alarms", "picus-tickets"):
            arn, queue = (f"arn:aws:{service}:{case.account.region}:{case.account.id}:{name}" for service, name in (("sns", topic), ("sqs", "pages")))
            case.account.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    case.account.client("ecs").update_service(cluster="picus-cluster", service="picus-service", desiredCount=5)
    now = case.account.parameters()["ImageTag"]
    case.account.names = {now: "NOW", other(now): "OTHER"}


def other(tag):
    return "two" if tag == "one" else "one"


def the_other(case):
    return next(tag for tag, name in case.account.names.items() if name == "OTHER")


def with_earlier_releases(case):
    """Makes sure that a release of the other image comes before the deployed one, so that a rollback changes the image."""
    deployed(case)
    s3, bucket = case.account.client("s3"), f"picus-artifacts-{case.account.id}-{case.account.region}"
    release = case.account.parameters()["Release"]
    if not release.startswith("2020"):
        parameters = s3.get_object(Bucket=bucket, Key=f"releases/{release}/parameters")["Body"].read().decode()
        # Another scenario may have left two releases of the same image in a row.
        for part in s3.list_objects_v2(Bucket=bucket, Prefix="releases/")["Contents"]:
            if part["Key"].endswith("/parameters") and release not in part["Key"]:
                s3.delete_object(Bucket=bucket, Key=part["Key"])
        for number in range(200):
            tag = other(case.account.parameters()["ImageTag"]) if number % 2 else case.account.parameters()["ImageTag"]
            name = f"20200101T{number:06}Z-{tag}"
            for part in ("picus.yaml", "alarms.yaml", "delete-handler.zip"):
                s3.copy_object(Bucket=bucket, Key=f"releases/{name}/{part}", CopySource=f"{bucket}/releases/{release}/{part}")
            changed = parameters.replace(release, name).replace(f"ImageTag\t{case.account.parameters()['ImageTag']}", f"ImageTag\t{tag}")
            s3.put_object(Bucket=bucket, Key=f"releases/{name}/parameters", Body=changed.encode())


def with_a_table(case):
    if not case.account.table():
        case.account.make_table()


def with_an_image_to_push(case):
    bootstrapped(case)
    case.account.client("ecr").batch_delete_image(repositoryName="picus-service", imageIds=[{"imageTag": "new"}])


# The script must remove the table's protection before it can delete the table.
UNPROTECTED = {"table": {"protected": False}}

SCENARIOS = {
    "bootstrap": Scenario(lambda case: ("bootstrap", "--repository", REPOSITORY), empty, 20, fresh=True),
    "bootstrap again": Scenario(lambda case: ("bootstrap", "--repository", REPOSITORY), bootstrapped, 2),
    "the first deployment": Scenario(lambda case: case.deploy("one", *SET), bootstrapped, 6, fresh=True),
    "a deployment": Scenario(lambda case: case.deploy(the_other(case)), deployed, 20),
    "a deployment that is only shown": Scenario(lambda case: case.deploy(the_other(case), "--show"), deployed, 4),
    "a deployment that does not work": Scenario(lambda case: case.deploy("bad"), deployed, 5, code=1, tells="was rolled back"),
    "a roll-back": Scenario(lambda case: ("rollback",), with_earlier_releases, 20),
    "the list of releases": Scenario(lambda case: ("rollback", "--list"), deployed, 20, reads=True),
    "whether a commit may be deployed": Scenario(lambda case: ("newest", "0" * 40), deployed, 20, reads=True),
    "status": Scenario(lambda case: ("status",), deployed, 20, reads=True),
    "a test page": Scenario(lambda case: ("test-page",), deployed, 20, reads=True),
    "a push": Scenario(lambda case: ("push-image", "picus-service:ci", "new"), with_an_image_to_push, 20),
    "a tear-down": Scenario(lambda case: ("tear-down", "--yes"), deployed, 4),
    "a tear-down with its table": Scenario(lambda case: ("tear-down", "--yes", "--table"), deployed, 2, between=UNPROTECTED),
    "a tear-down of the table alone": Scenario(lambda case: ("tear-down", "--yes", "--table"), with_a_table, 20, between=UNPROTECTED),
}


# The starts that can use the account of a finished scenario, and the accounts of finished scenarios.
REUSED = (deployed, with_earlier_releases)
DONE_WITH = []


def plans(calls, sample):
    """The failures to try: numbers of calls, each with a way to fail."""
    if alone := os.environ.get("PICUS_FAILURE"):
        number, way = alone.split(" ", 1)
        return [(int(number), way)]
    if EVERY:
        # All calls in the first way, then in the next one, so that an interrupted run has tried every call.
        chosen = os.environ.get("PICUS_FAILURE_WAYS", ",".join(WAYS)).split(",")
        return [(number, way) for way in chosen for number in without_repeats(calls)]
    firsts = [calls.index(call) + 1 for call in dict.fromkeys(calls)]
    step = max(1, -(-len(firsts) // sample))
    ways = [way for way in WAYS if way != "refused"]
    in_turn = [(number, ways[(number + sample) % len(ways)]) for number in firsts[::step]]
    # The first DescribeStacks decides what the script does.
    look = "cloudformation describe-stacks"
    looks = [(calls.index(look) + 1, way) for way in REFUSALS if look in calls]
    return list(dict.fromkeys([*in_turn, *looks, (len(calls), "killed")]))


def without_repeats(calls):
    """The numbers of the calls to fail. Of an operation that is called many times in a row: the first two calls and the last."""
    start = 0
    for operation, group in itertools.groupby(calls):
        length = len(list(group))
        yield from sorted({start + 1, start + min(length, 2), start + length})
        start += length


def taken(lab, scenario):
    """An account for the scenario: that of a finished scenario if possible, else an empty one."""
    if scenario.start in REUSED and DONE_WITH:
        return DONE_WITH.pop()
    return lab.account()


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_failed_call_changes_anything_silently(lab, name):
    scenario = SCENARIOS[name]
    case = taken(lab, scenario)
    scenario.start(case)
    before = case.account.state()
    clean = case.run(*scenario.command(case))
    assert clean.code == scenario.code and scenario.tells in clean.err, clean.out + clean.err
    reference = Reference(scenario, before, clean, case.at_rest())

    done_before = noted()
    remaining = iter([plan for plan in plans(clean.calls, scenario.sample) if (name, *map(str, plan)) not in done_before])
    faults = []

    def work(case):
        for number, way in remaining_of(remaining):
            case = lab.account() if scenario.fresh else case or taken(lab, scenario)
            scenario.start(case)
            fault = reference.fault(case, number, way)
            note(name, number, way, clean.calls[number - 1], fault)
            if fault:
                faults.append(f"call {number} ({clean.calls[number - 1]}) {way}: {fault}")
                case = None
        if case and scenario.start in REUSED:
            DONE_WITH.append(case)

    # The output of a script that only prints depends on its account, so it needs a single worker.
    workers = 1 if scenario.reads else WORKERS
    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(work, None if number else case) for number in range(workers)]
    for each in done:
        each.result()
    assert not faults, "\n\n".join(faults)


def note(name, number, way, call, fault):
    if LOG:
        with open(LOG, "a") as file:
            file.write("\t".join((name, str(number), way, call, repr(fault) if fault else "as it should")) + "\n")


def noted():
    """The failures that have passed, from the log."""
    lines = pathlib.Path(LOG).read_text().splitlines() if LOG and os.path.exists(LOG) else []
    return {tuple(line.split("\t")[:3]) for line in lines if line.endswith("\tas it should")}


def remaining_of(iterator):
    """Shares an iterator among threads. `next` of a list's iterator is atomic."""
    yield from iterator


class Reference:
    """The result of a script without failures, to which results with a failure are compared."""

    def __init__(self, scenario, before, clean, after):
        self.scenario, self.before, self.clean, self.after = scenario, before, clean, after

    def fault(self, case, number, way):
        """Runs the script with one failing call. Returns what the script did wrong, or None."""
        command = self.scenario.command(case)
        done = case.run(*command, at=nth(self.clean.calls, number), way=way)
        state = case.at_rest()
        said = f"exit code {done.code}\n{done.out[-1500:]}\n{done.err[-1500:]}"
        if self.is_done(done, state):
            return None
        if done.code == 0:
            return f"it succeeded with another result: {self.difference(done, state)}\n{said}"
        if done.code > 0 and not self.is_one_clear_line(command[0], done.err):
            return f"it did not stop with one clear line\n{said}"
        if strange := self.changed_otherwise(state):
            return f"it changed what was not to be changed: {strange}\n{said}"
        again = case.run(*command)
        state = case.at_rest()
        if not self.is_done(again, state):
            return f"running it again did not complete it: {self.difference(again, state)}\n{said}\nthen {again.code}\n{again.out[-1500:]}\n{again.err}"
        return None

    def is_done(self, done, state):
        told = not self.scenario.reads or without_ids(done.out) == without_ids(self.clean.out)
        ended = done.code == self.scenario.code or done.code < 0 and self.says_the_end(done)
        return ended and self.scenario.tells in done.err and told and state == self.after

    def says_the_end(self, done):
        """Whether a killed script had already printed its last line."""
        last, lines = (without_ids(out).splitlines()[-1:] for out in (self.clean.out, done.out))
        return bool(last) and lines == last

    def is_one_clear_line(self, script, err):
        lines = [line for line in err.splitlines() if line.strip() and not line.startswith(("  once more: ", "smoke: ", "/usr/lib/python3/"))]
        return len(lines) == 1 and lines[0].startswith(f"{script}: ")

    def changed_otherwise(self, state):
        """The facts that are neither as before nor as intended."""
        strange = {}
        for fact in state:
            old, new, now = self.before.get(fact), self.after.get(fact), state[fact]
            if fact.startswith("stack "):
                old, new, now = ({key: each[key] for key in ("parameters", "template")} if each and each["status"] != "REVIEW_IN_PROGRESS" else None
                                 for each in (old, new, now))
            if isinstance(now, list) and isinstance(new, list):
                if not set(now) <= set(new) | set(old or []):
                    strange[fact] = now
            elif now not in (old, new, (self.scenario.between or {}).get(fact)) and not (fact == "good release" and now is False):
                strange[fact] = now
        if self.scenario.code:
            # A script that is meant to fail may leave a broken stack until it is run again; it says so.
            strange.pop("stack picus", None), strange.pop("service", None)
        return strange

    def difference(self, done, state):
        parts = {fact: (self.after.get(fact), state.get(fact)) for fact in {*self.after, *state} if self.after.get(fact) != state.get(fact)}
        return parts or f"it said\n{done.out}"


def without_ids(said):
    """The text, without ids that differ between accounts and releases."""
    return re.sub(r"\d{12}|\d{8}T\d{6}Z-(one|two)|picus-alb-\w+|definition:\d+", "…", said)
