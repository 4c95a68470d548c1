"""Changes a stack: creates, shows and executes a change set, and prints what happens.

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
# In a new account, the first ECS cluster may be created before ECS's own role.
ROLE_IS_LATE = "Unable to assume the service linked role"


def find(name):
    """A stack by its name or id, or None if it does not exist."""
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
    """A stack at rest, or None."""
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
    """The stack, at rest and not empty, or None if it has to be created."""
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
    """Deletes a stack, and prints what happens. Returns whether it existed."""
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
    """A token for a request, so that AWS performs a repeated call only once."""
    return f"picus-{uuid.uuid4()}"


def change(name, stack, show_only=False, **request):
    """Changes `stack`, as `deployed` found it, by a request of CreateChangeSet. If asked, only shows the change set."""
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
    """Shows a change set that can be executed; None if it changes nothing."""
    tidy(name)
    change_set = f"change-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"
    what = {"StackName": name, "ChangeSetName": change_set}
    try:
        ask("cloudformation", "create-change-set", **what, ChangeSetType=kind, ClientToken=change_set,
            Capabilities=CAPABILITIES, ImportExistingResources=True, Tags=TAGS, **request)
    except Refused as refused:
        # The name is unique, so this change set is from an earlier attempt whose answer was lost.
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
    """A change set, with its stack, because the deploy role's permissions name the stack."""
    return {"StackName": made["StackId"], "ChangeSetName": made["ChangeSetId"]}


def tidy(name):
    """Deletes change sets left by interrupted runs."""
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
    """Waits for the change set. The CLI's own waiter asks only every half minute."""
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
        # Either it has begun and the answer was lost, or no event follows, which is noticed.
        if refused.code != "InvalidChangeSetStatus":
            raise


def discard(made):
    """Deletes a change set, and the empty stack that was created for it."""
    tell("cloudformation", "delete-change-set", **named(made))
    stack = find(made["StackId"])
    if stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        tell("cloudformation", "delete-stack", StackName=made["StackId"])
