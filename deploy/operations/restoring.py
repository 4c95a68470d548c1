"""The steps of a restore. The tables and backups themselves show which steps are done, so each step is taken once,
and a restore that was interrupted goes on where it stopped.

`picus_data_restored` is the table as it was at the moment. A table can't be renamed, so the whole table goes by way of
a backup of that one: `picus_data` is deleted and restored from it.
"""

import datetime

from . import serving, tables
from .aws import Refused, ask, tell
from .command import Failure, say

LIVE, COPY = "picus_data", "picus_data_restored"
# The table's settings in the stack. A restored table has none of them.
RECOVERY_DAYS = 35
STACK_TAGS = [{"Key": "project", "Value": "picus"}]
# The copy's tag with the table's time-to-live attribute, which a restored table loses too.
TTL_TAG = "restore-ttl-attribute"


def copy_of(moment):
    """Creates the copy as of a moment, or continues with an existing copy."""
    copy = tables.find(COPY)
    if copy and copy["TableStatus"] == "DELETING":
        tables.wait(f"{COPY} is being deleted", lambda: not tables.find(COPY))
        copy = None
    if not copy:
        if not tables.find(LIVE):
            raise Failure(f"there is no table {LIVE}: deploy/restore --deleted restores one that was deleted")
        say(f"restoring {LIVE} as of {moment:%Y-%m-%dT%H:%M:%SZ} to {COPY}")
        tables.once({"TableAlreadyExistsException", "TableInUseException"}, "restore-table-to-point-in-time",
                    SourceTableName=LIVE, TargetTableName=COPY, RestoreDateTime=moment.isoformat())
    tables.wait_until_restored(COPY)
    of = time_of(tables.find(COPY)["RestoreSummary"]["RestoreDateTime"])
    if of != moment:
        raise Failure(f"{COPY} is there and of {of:%Y-%m-%dT%H:%M:%SZ}: restore to that moment, or delete {COPY} first")


def some_items(moment, keys, confirm):
    """Puts single items back as they were."""
    copy_of(moment)
    then, now = tables.get(COPY, keys), tables.get(LIVE, keys)
    if lacking := [key for key in keys if key not in then]:
        raise Failure(f"at that moment there was no item {', '.join(lacking)}: nothing was changed")
    changed = [key for key in keys if then[key] != now.get(key)]
    for key in keys:
        say(f"  {key}: {'as it was' if key not in changed else 'another one now' if key in now else 'gone now'}")
    if changed:
        confirm(f"{len(changed)} items are put back as they were")
        for key in changed:
            tell("dynamodb", "put-item", TableName=LIVE, Item=then[key])
        if tables.get(LIVE, keys) != then:
            raise Failure(f"the items are not yet as they were, for somebody else changes them; {COPY} stays")
    tables.delete(COPY)
    say(f"{len(keys)} items are as they were")


def whole_table(moment, confirm):
    """Replaces the whole table by the copy."""
    name = f"picus-restore-{moment:%Y%m%dT%H%M%SZ}"
    done = is_finished(name)
    if not done:
        copy_of(moment)
        items = count(COPY)
        if not items:
            raise Failure(f"{LIVE} had no item at that moment: nothing was changed; delete {COPY}, and choose another moment")
        backup = backup_of_copy(name)
        live = tables.find(LIVE)
        if live and live["TableStatus"] != "DELETING" and tables.source(live) != backup:
            keep_settings(live)
            compare_with_now(items)
            exchange(confirm, f"{LIVE} is deleted and restored from the backup {name}, and nobody is served meanwhile")
        take_the_place(backup)
        check(items)
        settle(ask("dynamodb", "list-tags-of-resource", ResourceArn=tables.find(COPY)["TableArn"])["Tags"])
    serving.start()
    tables.delete(COPY)
    say(f"{LIVE} {'was restored to that moment already' if done else 'is as it was at that moment'}; the backup {name} stays until you delete it")


def exchange(confirm, what):
    """Asks before the point of no return. After a no, the table stays and serves again, even if an earlier restore was interrupted here."""
    try:
        confirm(what)
    except Failure:
        protect()
        serving.start()
        raise
    serving.stop()
    say(f"deleting {LIVE}; DynamoDB keeps a backup of it for 35 days")
    tables.delete(LIVE)


def deleted_table(confirm):
    """Restores a deleted table from the backup that DynamoDB made of it."""
    found = [backup for backup in backups(LIVE, "SYSTEM") if backup["BackupStatus"] == "AVAILABLE"]
    if not found:
        raise Failure(f"DynamoDB has no backup of a deleted table {LIVE}")
    newest = max(found, key=lambda backup: time_of(backup["BackupCreationDateTime"]))
    live = tables.find(LIVE)
    if live and tables.source(live) != newest["BackupArn"]:
        raise Failure(f"the table {LIVE} is there: nothing was done")
    if not live:
        confirm(f"{LIVE} is restored as it was when it was deleted, {time_of(newest['BackupCreationDateTime']):%Y-%m-%dT%H:%M:%SZ}")
    take_the_place(newest["BackupArn"])
    say(f"  {count(LIVE)} items")
    settle(STACK_TAGS)
    serving.start()
    say(f"{LIVE} is there again")


def is_finished(name):
    """Whether the table is the restored one, so that only serving is left."""
    live, copy = tables.find(LIVE), tables.find(COPY)
    if not live or not tables.source(live) or (copy and copy["TableStatus"] != "DELETING"):
        return False
    try:
        backup = ask("dynamodb", "describe-backup", BackupArn=tables.source(live))["BackupDescription"]
    except Refused as refused:
        if refused.code == "BackupNotFoundException":
            return False
        raise
    return backup["BackupDetails"]["BackupName"] == name


def backups(table, kind):
    return ask("dynamodb", "list-backups", TableName=table, BackupType=kind)["BackupSummaries"]


def backup_of_copy(name):
    """The ARN of a complete backup of the copy."""
    table = tables.find(COPY)["TableId"]

    def there():
        return [backup for backup in backups(COPY, "USER") if (backup["BackupName"], backup["TableId"]) == (name, table)]

    if not there():
        say(f"making the backup {name} of {COPY}")
        ask("dynamodb", "create-backup", TableName=COPY, BackupName=name)
    tables.wait(f"the backup {name} is being made", lambda: any(backup["BackupStatus"] == "AVAILABLE" for backup in there()))
    whole = [backup["BackupArn"] for backup in there() if backup["BackupStatus"] == "AVAILABLE"]
    if not whole or not whole[0].startswith("arn:"):
        raise Failure(f"AWS does not tell the ARN of the backup {name}; run the same command again")
    return whole[0]


def keep_settings(live):
    """Saves with the copy what the table will lose: its tags, and its time-to-live attribute."""
    tags = ask("dynamodb", "list-tags-of-resource", ResourceArn=live["TableArn"])["Tags"]
    expiry = ask("dynamodb", "describe-time-to-live", TableName=LIVE)["TimeToLiveDescription"]
    kept = [tag for tag in tags if not tag["Key"].startswith("aws:")]
    if expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        kept.append({"Key": TTL_TAG, "Value": expiry["AttributeName"]})
    if kept:
        tell("dynamodb", "tag-resource", ResourceArn=tables.find(COPY)["TableArn"], Tags=kept)


def count(name):
    say(f"counting the items of {name}")
    return tables.count(name)


def compare_with_now(items):
    now = count(LIVE)
    then = tables.sample(COPY)
    same = tables.get(LIVE, list(then))
    say(f"  at that moment {items} items, now {now}")
    say(f"  of {len(then)} items of then, {sum(then[key] == same.get(key) for key in then)} are the same now, {len(then) - len(same)} are gone")


def take_the_place(backup):
    """The table, from a backup."""
    tables.wait(f"{LIVE} is being deleted", lambda: (tables.find(LIVE) or {}).get("TableStatus") != "DELETING")
    if not tables.find(LIVE):
        say(f"restoring {LIVE} from the backup")
        tables.once({"TableAlreadyExistsException", "TableInUseException"}, "restore-table-from-backup", TargetTableName=LIVE, BackupArn=backup)
    tables.wait_until_restored(LIVE)
    if tables.source(tables.find(LIVE)) != backup:
        raise Failure(f"{LIVE} is not the restored table: somebody else has made it; {COPY} and the backup {backup} stay")


def check(items):
    now, then = count(LIVE), tables.sample(COPY)
    if now != items or tables.get(LIVE, list(then)) != then:
        raise Failure(f"{LIVE} has {now} items and {COPY} {items}, or some differ: not served; {COPY} and the backup stay")
    say(f"  {now} items, and {len(then)} of them compared")


def settle(tags):
    """Gives the restored table the stack's settings: recovery, protection, tags, and time to live."""
    recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": RECOVERY_DAYS}

    def is_recoverable():
        # AWS refuses this for some minutes after a restore.
        try:
            ask("dynamodb", "update-continuous-backups", TableName=LIVE, PointInTimeRecoverySpecification=recovery)
        except Refused as refused:
            if refused.code != "ContinuousBackupsUnavailableException":
                raise
            return False
        return True

    tables.wait(f"point-in-time recovery of {LIVE} is not to be had yet", is_recoverable)
    table = tables.find(LIVE)
    own = [tag for tag in tags if tag["Key"] != TTL_TAG]
    if own:
        tell("dynamodb", "tag-resource", ResourceArn=table["TableArn"], Tags=own)
    for expiry in [tag["Value"] for tag in tags if tag["Key"] == TTL_TAG]:
        expire_by(expiry)
    protect()


def protect():
    if not tables.find(LIVE).get("DeletionProtectionEnabled"):
        ask("dynamodb", "update-table", TableName=LIVE, DeletionProtectionEnabled=True)
    tables.wait(f"{LIVE} is being updated", lambda: tables.find(LIVE)["TableStatus"] == "ACTIVE")


def expire_by(attribute):
    there = ask("dynamodb", "describe-time-to-live", TableName=LIVE)["TimeToLiveDescription"]
    if there["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        ask("dynamodb", "update-time-to-live", TableName=LIVE, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute})


def time_of(told):
    """A time from the AWS CLI: version 1 prints seconds, version 2 ISO 8601."""
    utc = datetime.timezone.utc
    if isinstance(told, (int, float)):
        return datetime.datetime.fromtimestamp(int(told), utc)
    return datetime.datetime.fromisoformat(told.replace("Z", "+00:00")).astimezone(utc).replace(microsecond=0)
