"""Prints what happens to a stack and its nested stacks, as it happens.

CloudFormation's events are the record of an operation: they say that it has begun, what has failed, and how it ended.
A stack's status alone can still be the one from before.
"""

import time

from .aws import Refused, ask
from .command import Failure, say

STACK = "AWS::CloudFormation::Stack"
POLL_SECONDS = 3
BEGINS_WITHIN_SECONDS = 300
REASONS = ("ValidationStatusReason", "ResourceStatusReason", "HookStatusReason")


def read(stack_id):
    """A stack's newest events, in order of time."""
    try:
        events = ask("cloudformation", "describe-stack-events", "--max-items", "200", StackName=stack_id)["StackEvents"]
    except Refused as refused:
        if "does not exist" in refused.message:
            return []
        raise
    return events[::-1]


class Operation:
    """Follows a stack's events from now on."""

    def __init__(self, stack_id):
        self.stack_id = stack_id
        self.told = {event["EventId"] for event in read(stack_id)}
        self.began = self.status = None
        self.within = []
        self.reasons = []

    def follow(self):
        """Prints what succeeds or fails until the stack is at rest. Returns its status."""
        give_up = time.monotonic() + BEGINS_WITHIN_SECONDS
        while True:
            status = self.tell_new_events()
            if status and not status.endswith("_IN_PROGRESS"):
                return status
            if not status and time.monotonic() > give_up:
                raise Failure(f"CloudFormation has not begun with {self.stack_id}; run the same command again")
            time.sleep(POLL_SECONDS)

    def tell_new_events(self):
        """Prints the new events; of nested stacks only failures. Returns the newest status."""
        for event in self.new_events(self.stack_id):
            self.began = self.began or event["Timestamp"]
            tell(event)
            if event["PhysicalResourceId"] == self.stack_id:
                self.status = event["ResourceStatus"]
            elif event["ResourceType"] == STACK and event["PhysicalResourceId"] and event["PhysicalResourceId"] not in self.within:
                self.within.append(event["PhysicalResourceId"])
            self.keep_reason(event)
        # A stack within it was there before, with events of its own.
        for child in self.within:
            for event in self.new_events(child):
                if event["Timestamp"] >= self.began and event["ResourceStatus"].endswith("_FAILED"):
                    tell(event, within=event["StackName"])
                    self.keep_reason(event)
        return self.status

    def new_events(self, stack_id):
        new = [event for event in read(stack_id) if event["EventId"] not in self.told]
        self.told.update(event["EventId"] for event in new)
        return new

    def keep_reason(self, event):
        if event["ResourceStatus"].endswith("_FAILED"):
            self.reasons.append(event.get("ResourceStatusReason") or "")


def tell(event, within=""):
    reason = event.get("ResourceStatusReason")
    if reason or not event["ResourceStatus"].endswith("_IN_PROGRESS"):
        name = f"{within}/{event['LogicalResourceId']}" if within else event["LogicalResourceId"]
        say(f"  {name:<28} {event['ResourceStatus']}" + (f": {reason}" if reason else ""))


def tell_refusals(change_set):
    """Why CloudFormation refuses a change set. The change set's status only refers to these events."""
    try:
        found = ask("cloudformation", "describe-events", **change_set, Filters={"FailedEvents": True})["OperationEvents"]
    except Failure as failure:
        say(f"  what fails is not known: {failure}")
        return
    for event in found:
        reason = next((event[name] for name in REASONS if event.get(name)), "")
        say(f"  {event.get('LogicalResourceId') or event['EventType']:<28} {event.get('ValidationPath') or ''} {reason}")
