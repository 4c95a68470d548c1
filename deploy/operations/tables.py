"""Reads, awaits, counts and compares DynamoDB tables for a restore."""

import time

from .aws import Refused, ask
from .command import Failure, say

KEY = "object_id"
POLL_SECONDS, TELL_SECONDS = 5, 60
# A new table may be unknown for a moment.
UNKNOWN_SECONDS = 300
SAMPLE = 100


def find(name):
    try:
        return ask("dynamodb", "describe-table", TableName=name)["Table"]
    except Refused as refused:
        if refused.code == "ResourceNotFoundException":
            return None
        raise


def source(table):
    """The backup that a table was restored from, if it was."""
    return (table.get("RestoreSummary") or {}).get("SourceBackupArn")


def once(done_already, operation, **request):
    """Makes a call that AWS refuses with one of these codes if an earlier attempt succeeded."""
    try:
        return ask("dynamodb", operation, **request)
    except Refused as refused:
        if refused.code not in done_already:
            raise


def wait(what, is_so):
    """Waits without a limit: restoring a large table takes hours."""
    begun = told = time.monotonic()
    while not is_so():
        now = time.monotonic()
        if now - told >= TELL_SECONDS:
            told = now
            say(f"  {what}: for {(now - begun) / 60:.0f} minutes now")
        time.sleep(POLL_SECONDS)


def wait_until_restored(name):
    say(f"waiting until the table {name} is restored")
    begun = time.monotonic()

    def is_restored():
        table = find(name)
        if not table:
            if time.monotonic() - begun > UNKNOWN_SECONDS:
                raise Failure(f"there is no table {name}: its restore has failed; run the same command again")
            return False
        in_progress = (table.get("RestoreSummary") or {}).get("RestoreInProgress")
        return table["TableStatus"] == "ACTIVE" and not in_progress

    wait(f"{name} is being restored", is_restored)


def delete(name):
    """Deletes a table, protected or not, and waits until it is gone."""
    table = find(name)
    if table and table["TableStatus"] != "DELETING":
        if table.get("DeletionProtectionEnabled"):
            ask("dynamodb", "update-table", TableName=name, DeletionProtectionEnabled=False)
            wait(f"{name} is being updated", lambda: find(name)["TableStatus"] == "ACTIVE")
        once({"ResourceNotFoundException", "ResourceInUseException"}, "delete-table", TableName=name)
    wait(f"{name} is being deleted", lambda: not find(name))


def pages(name, **request):
    start = {}
    while True:
        page = ask("dynamodb", "scan", "--no-paginate", TableName=name, ConsistentRead=True, **request, **start)
        yield page
        if not page.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def count(name):
    """Counts the items. DescribeTable's count may be hours old."""
    items, told = 0, time.monotonic()
    for page in pages(name, Select="COUNT"):
        items += page["Count"]
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            say(f"  {name}: counted {items} items")
    return items


def get(name, keys):
    """The items with these keys that exist."""
    found, wanted = {}, [{KEY: {"S": key}} for key in keys]
    while wanted:
        answer = ask("dynamodb", "batch-get-item", RequestItems={name: {"Keys": wanted[:100], "ConsistentRead": True}})
        found |= {item[KEY]["S"]: item for item in answer["Responses"].get(name, [])}
        wanted = (answer.get("UnprocessedKeys") or {}).get(name, {}).get("Keys", []) + wanted[100:]
    return found


def sample(name):
    """Some of a table's items."""
    page = next(pages(name, Limit=SAMPLE))
    return {item[KEY]["S"]: item for item in page["Items"]}
