"""Evaluates IAM policies, as far as policies/ needs it. Fails on everything that it does not support."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent
VALUES = {"${AWS::Partition}": "aws", "${AWS::Region}": "eu-central-1", "${AWS::AccountId}": "111122223333"}


class Statement:
    def __init__(self, policy, document):
        unknown = set(document) - {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert not unknown and document["Effect"] == "Allow", f"{policy}: {unknown or document['Effect']}"
        self.policy, self.name = policy, document["Sid"]
        self.actions, self.resources = (
            [entry] if isinstance(entry, str) else entry for entry in (document["Action"], document["Resource"])
        )
        # Without a wildcard, both comparisons are the same.
        condition = document.get("Condition", {})
        assert set(condition) <= {"StringEquals", "ArnEquals"} and "*" not in str(condition), f"{policy}: {condition}"
        self.condition = {key: value for values in condition.values() for key, value in values.items()}

    def __str__(self):
        return f"{self.policy}: {self.name}"

    def grants(self, need):
        """The statement's resource patterns that allow the need."""
        context = dict(need.context)
        if need.action not in self.actions or any(context.get(k) != v for k, v in self.condition.items()):
            return []
        return [pattern for pattern in self.resources if covers(pattern, need.arn)]


def covers(pattern, arn):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), arn) is not None


def text(name):
    """A policy with its placeholders replaced, as CloudFormation would."""
    policy = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in VALUES.items():
        policy = policy.replace(placeholder, value)
    assert "${" not in policy, f"{name} has an unknown placeholder"
    return policy


def statements(*names):
    return [Statement(name, document) for name in names for document in json.loads(text(name))["Statement"]]
