"""Adds point-in-time recovery, which MiniStack lacks: each state of a table is kept with its time, a restore takes some
time, and deleting a table leaves a backup."""

import copy
import json
import time

from ministack.services import dynamodb

WRITES = ("_put_item", "_delete_item", "_update_item", "_batch_write_item", "_transact_write_items")
# A restored table is complete after this many calls of DescribeTable.
TAKES = 2

states = {}


def remember(name):
    items = {key: dict(value) for key, value in dynamodb._tables[name]["items"].items()}
    states.setdefault(dynamodb._tables[name]["TableId"], []).append((time.time(), items))


def written(original, data):
    answer = original(data)
    for name in {data.get("TableName"), *(data.get("RequestItems") or {})} & set(dynamodb._tables):
        remember(name)
    return answer


def to_a_moment(original, data):
    source, target = data.get("SourceTableName"), data["TargetTableName"]
    moment = float(data["RestoreDateTime"])
    answer = original(data)
    if answer[0] == 200:
        # DynamoDB restores to whole seconds.
        past = [items for when, items in states.get(dynamodb._tables[source]["TableId"], []) if when < moment + 1]
        dynamodb._tables[target]["items"].clear()
        dynamodb._tables[target]["items"].update(copy.deepcopy(past[-1] if past else {}))
        dynamodb._items_replaced(dynamodb._tables[target])
        dynamodb._tables[target]["RestoreSummary"] = {
            "SourceTableArn": dynamodb._tables[source]["TableArn"],
            "RestoreDateTime": int(moment),
            "RestoreInProgress": True,
        }
        dynamodb._tables[target]["left"] = TAKES
        remember(target)
    return answer


def from_a_backup(original, data):
    answer = original(data)
    if answer[0] == 200:
        dynamodb._tables[data["TargetTableName"]]["left"] = TAKES
        remember(data["TargetTableName"])
    return answer


def described(original, data):
    name = data.get("TableName")
    table = dynamodb._tables.get(name)
    if table and "RestoreSummary" in table:
        table["left"] -= 1
        table["RestoreSummary"]["RestoreInProgress"] = table["left"] > 0
        table["TableStatus"] = "CREATING" if table["left"] > 0 else "ACTIVE"
        status, headers, body = original(data)
        answer = json.loads(body)
        answer["Table"]["RestoreSummary"] = table["RestoreSummary"]
        return status, headers, json.dumps(answer).encode()
    return original(data)


def deleted(original, data):
    name = data.get("TableName")
    recoverable = name in dynamodb._tables and not dynamodb._tables[name].get("DeletionProtectionEnabled") and dynamodb._pitr_settings.get(name)
    if recoverable:
        before = set(dynamodb._backups)
        dynamodb._create_backup({"TableName": name, "BackupName": f"{name}$DeletedTableBackup"})
        (made,) = set(dynamodb._backups) - before
        dynamodb._backups[made]["BackupDetails"]["BackupType"] = "SYSTEM"
    return original(data)


def of_its_kind(original, data):
    status, headers, body = original(data)
    if status == 200 and data.get("BackupType", "ALL") != "ALL":
        answer = json.loads(body)
        answer["BackupSummaries"] = [each for each in answer["BackupSummaries"] if each["BackupType"] == data["BackupType"]]
        body = json.dumps(answer).encode()
    return status, headers, body


REPLACED = dict.fromkeys(WRITES, written) | {
    "_restore_table_to_point_in_time": to_a_moment,
    "_restore_table_from_backup": from_a_backup,
    "_describe_table": described,
    "_delete_table": deleted,
    "_list_backups": of_its_kind,
}
for name, replacement in REPLACED.items():
    original = getattr(dynamodb, name)
    setattr(dynamodb, name, lambda data, original=original, replacement=replacement: replacement(original, data))
