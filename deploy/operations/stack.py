"""How a stack is changed: a change set is made, shown and executed, and what happens is told as it happens.

Each step can be interrupted, and the next run goes on from what it finds: a stack that is under way is waited for, a
stack whose creation failed is removed, and a change set that was not executed is deleted.
"""

import time
import uuid

from .aws import Refused, ask, only, tell
from .command import Failure, say
from .events import Operation, tell_refusals
from .guards import refuse_harm

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
TAGS = [{"Key": "project", "Value": "picus"}]
POLL_SECONDS, CHANGE_SET_SECONDS = 2, 600
CREATIONS = 3
# The account's first ECS cluster can be ahead of the role that ECS makes for itself.
ROLE_IS_LATE = "Unable to assume the service linked role"


def find(name):
    """A stack by its name or id, or None where it is not there."""
    try:
        stacks = ask("cloudformation", "describe-stacks", StackName=name)["Stacks"]
    except Refused as refused:
        if refused.code == "ValidationError" and "does not exist" in refused.message:
            return None
        raise
    return only(stacks, "aws cloudformation describe-stacks")


def outputs(stack):
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def parameters(stack):
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}


def parameter(name, value):
    return {"ParameterKey": name, "ParameterValue": value}


def at_rest(name):
    """A stack to which nothing happens, or None."""
    stack = find(name)
    while stack and under_way(stack):
        say(f"stack {name} is {stack['StackStatus']}: waiting for it")
        while stack and under_way(stack):
            time.sleep(POLL_SECONDS)
            stack = find(name)
    return stack


def under_way(stack):
    status = stack["StackStatus"]
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def deployed(name):
    """The stack, at rest with something in it, or None where it is to be created."""
    stack = at_rest(name)
    status = stack["StackStatus"] if stack else "NONE"
    if status in ("NONE", "REVIEW_IN_PROGRESS"):
        return None
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        say(f"stack {name} is {status}: its first deployment failed, so it is removed first")
        remove(name)
        return None
    if status == "DELETE_FAILED":
        raise Failure(f"stack {name} is {status}: run deploy/tear-down again")
    if not status.endswith("_COMPLETE"):
        raise Failure(f"stack {name} is {status}: mend it in the console of CloudFormation")
    return stack


def remove(name):
    """Deletes a stack, and tells what happens; whether it was there."""
    stack = at_rest(name)
    if not stack:
        return False
    operation = Operation(stack["StackId"])
    tell("cloudformation", "delete-stack", StackName=stack["StackId"], ClientRequestToken=token())
    status = operation.follow()
    if status != "DELETE_COMPLETE":
        raise Failure(f"stack {name} is {status}: the first event above that FAILED says why")
    return True


def token():
    """Names one request, so that a call which is made again is not a second one."""
    return f"picus-{uuid.uuid4()}"


def change(name, stack, show_only=False, **request):
    """Changes `stack`, as `deployed` found it, by a request of CreateChangeSet. Shows the change set alone if asked."""
    for attempt in range(1, CREATIONS + 1):
        made = make(name, "UPDATE" if stack else "CREATE", request)
        if not made:
            say(f"stack {name} has nothing to change")
            return
        if show_only:
            discard(made)
            return
        operation = Operation(made["StackId"])
        if stack:
            say(f"  to stop this and go back, an administrator can run: aws cloudformation cancel-update-stack --stack-name {name}")
        execute(made)
        status = operation.follow()
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        late = not stack and any(ROLE_IS_LATE in reason for reason in operation.reasons)
        if not late or attempt == CREATIONS:
            raise Failure(f"stack {name} is {status}: the first event above that FAILED says why")
        say("the role that ECS has in a new account was not there yet: once more")
        remove(name)


def make(name, kind, request):
    """A change set that can be executed, shown; None where it changes nothing."""
    tidy(name)
    change_set = f"change-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"
    what = {"StackName": name, "ChangeSetName": change_set}
    try:
        ask("cloudformation", "create-change-set", **what, ChangeSetType=kind, ClientToken=change_set,
            Capabilities=CAPABILITIES, ImportExistingResources=True, Tags=TAGS, **request)
    except Refused as refused:
        # Nobody else's has this name: the answer to an earlier attempt was lost.
        if refused.code != "AlreadyExistsException":
            raise
    made = wait_for(what)
    if made["Status"] == "FAILED":
        reason = made.get("StatusReason") or ""
        nothing = "didn't contain changes" in reason or "No updates" in reason
        if not nothing:
            tell_refusals(named(made))
        discard(made)
        if nothing:
            return None
        raise Failure(f"no change set: {reason}")

    say(f"stack {name}, change set {change_set} ({kind}):")
    changes = [change["ResourceChange"] for change in made["Changes"]]
    for part in changes:
        replaced = "  (replaced)" if part.get("Replacement") == "True" else ""
        say(f"  {part['Action']:<7} {part['LogicalResourceId']:<28} {part['ResourceType']}{replaced}")
    try:
        if kind == "UPDATE":
            refuse_harm(changes)
    except Failure:
        discard(made)
        raise
    return made


def named(made):
    """A change set, and its stack, which the deploy role's permissions name."""
    return {"StackName": made["StackId"], "ChangeSetName": made["ChangeSetId"]}


def tidy(name):
    """Deletes the change sets that interrupted runs have left."""
    try:
        left = ask("cloudformation", "list-change-sets", StackName=name)["Summaries"]
    except Refused as refused:
        if "does not exist" in refused.message:
            return
        raise
    for each in left:
        if each["ChangeSetName"].startswith("change-") and each["ExecutionStatus"] in ("AVAILABLE", "UNAVAILABLE"):
            tell("cloudformation", "delete-change-set", **named(each))


def wait_for(what):
    """The change set once CloudFormation has worked it out. The CLI's own waiter asks every half minute."""
    give_up = time.monotonic() + CHANGE_SET_SECONDS
    while time.monotonic() < give_up:
        made = ask("cloudformation", "describe-change-set", **what)
        if made["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return made
        time.sleep(POLL_SECONDS)
    raise Failure(f"CloudFormation has not made the change set {what['ChangeSetName']}; run the same command again")


def execute(made):
    try:
        tell("cloudformation", "execute-change-set", **named(made), ClientRequestToken=token())
    except Refused as refused:
        # It has begun, and the answer to an earlier attempt was lost; if not, no event follows, which is noticed.
        if refused.code != "InvalidChangeSetStatus":
            raise


def discard(made):
    """Deletes a change set, and the empty stack that it was made for."""
    tell("cloudformation", "delete-change-set", **named(made))
    stack = find(made["StackId"])
    if stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        tell("cloudformation", "delete-stack", StackName=made["StackId"])
