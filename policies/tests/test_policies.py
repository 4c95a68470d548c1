"""The policies allow everything that is needed, and nothing else."""

import json
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from iam import FOLDER, VALUES, statements, text
from needs import KNOWN, ROOT, Need, deploy_role, of_handlers, resources, runtime_role, schemas
from parliament import analyze_policy_string

EVERY = sorted(path.stem for path in FOLDER.glob("*.json"))
RUNTIME = sorted(KNOWN["runtime"])
BOUNDARY = "picus-boundary"
DEPLOY = [name for name in EVERY if name not in (*RUNTIME, BOUNDARY)]

# The decisions of the emulator's IAM during the story: caller, action, resource, result.
# PICUS_CALLS is set if the story must have run before.
RECORD = Path(os.environ.get("PICUS_CALLS", ROOT / "target/story/calls.jsonl"))
README = (FOLDER / "README.md").read_text()


def is_granted(need, granted_by):
    return any(statement.grants(need) for statement in granted_by)


def superfluous(needs, granted_by):
    """Actions and resources that could be removed, because no need depends on them."""
    essential = set()
    for need in needs:
        grants = [(statement, pattern) for statement in granted_by for pattern in statement.grants(need)]
        if len({statement for statement, _ in grants}) == 1:
            essential.add((grants[0][0], need.action))
        if len(grants) == 1:
            essential.add(grants[0])
    return [f"{statement}: {part}" for statement in granted_by
            for part in (*statement.actions, *statement.resources) if (statement, part) not in essential]


def test_the_deploy_role_may_do_what_cloudformation_and_the_scripts_do():
    granted_by = statements(*DEPLOY)
    missing = {f"{need.action} on {need.arn}: {need.why}" for need in deploy_role() if not is_granted(need, granted_by)}
    assert not missing, "\n".join(sorted(missing))


def test_the_deploy_role_may_do_nothing_else():
    assert superfluous(deploy_role(), statements(*DEPLOY)) == []


def like(arn):
    """The known ARNs that are equal to this one except for ids that AWS or a release makes."""
    if arn == "*":  # AWS knows no resource of the action, where the emulator may.
        return re.compile(".*")
    parts = re.split("|".join(map(re.escape, KNOWN["ids"]["examples"])), arn)
    return re.compile("[^/:]+".join(map(re.escape, parts)))


@pytest.mark.skipif("PICUS_CALLS" not in os.environ and not RECORD.exists(), reason="the deployment's story has not been run")
def test_every_call_of_the_story_is_a_known_need_of_the_deploy_role():
    known = {}
    for need in deploy_role():
        known.setdefault(need.action, set()).add(like(need.arn))
    recorded = [json.loads(line) for line in RECORD.read_text().splitlines()]
    seen = {(action, re.sub(r"\b0{12}\b", VALUES["${AWS::AccountId}"], arn)) for who, action, arn, decision in recorded
            if "/picus-deploy-role/" in who and decision == "Allow"}
    strange = {f"{action} on {arn}" for action, arn in seen if not any(form.fullmatch(arn) for form in known.get(action, ()))}
    assert seen and not strange, "\n".join(sorted(strange))


@pytest.mark.parametrize("name", RUNTIME)
def test_a_runtime_role_allows_exactly_what_it_needs(name):
    # `picus/tests/system/permissions.rs` tests the actions on the table.
    granted_by = [statement for statement in statements(name) if not statement.actions[0].startswith("dynamodb:")]
    assert [need for need in runtime_role(name) if not is_granted(need, granted_by)] == []
    assert superfluous(runtime_role(name), granted_by) == []


def test_the_boundary_allows_what_all_runtime_roles_allow():
    needs = [Need(action, pattern, (), str(statement)) for statement in statements(*RUNTIME)
             for action in statement.actions for pattern in statement.resources]
    assert [need for need in needs if not is_granted(need, statements(BOUNDARY))] == []
    assert superfluous(needs, statements(BOUNDARY)) == []


def test_no_permission_covers_resources_of_others():
    granted_by = statements(*DEPLOY)
    reached = set()
    for need in deploy_role():
        strange = need.arn.replace("picus", "other").replace("ecsTask", "other").replace("aws-service-role", "other")
        if need.arn != "*" and not any(fnmatchcase(need.action, glob) for glob in KNOWN["unnamed"]["actions"]):
            if is_granted(Need(need.action, strange, (), need.why), granted_by):
                reached.add(f"{need.action} on {strange}")
    assert not reached, "\n".join(sorted(reached))


@pytest.mark.parametrize(("action", "arn", "context"), [
    ("iam:PassRole", "role/ecsTaskRole", {"iam:PassedToService": "ec2.amazonaws.com"}),
    ("iam:CreateRole", "role/ecsTaskRole", {}),
    ("iam:PutRolePolicy", "role/ecsTaskRole", {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam:PutRolePolicy", "role/picus-deploy-role", {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/picus-boundary"}),
    ("iam:UpdateAssumeRolePolicy", "role/picus-deploy-role", {}),
    ("iam:DeleteRolePermissionsBoundary", "role/ecsTaskRole", {}),
    ("iam:CreatePolicyVersion", "policy/picus-boundary", {}),
])
def test_the_deploy_role_cannot_extend_its_permissions(action, arn, context):
    need = Need(action, f"arn:aws:iam::111122223333:{arn}", tuple(context.items()), "")
    assert not is_granted(need, statements(*DEPLOY))


@pytest.mark.parametrize("action", ["DeleteTable", "RestoreTableToPointInTime", "RestoreTableFromBackup", "CreateBackup", "DeleteBackup"])
def test_no_role_can_delete_or_restore_the_table(action):
    assert not [statement for statement in statements(*EVERY) if f"dynamodb:{action}" in statement.actions]


@pytest.mark.parametrize("name", EVERY)
def test_actions_are_named_one_by_one(name):
    assert not [action for statement in statements(name) for action in statement.actions if "*" in action]


def test_each_unrestricted_wildcard_has_a_reason():
    wide = {f"| `{statement.policy}` | {statement.name} |" for statement in statements(*EVERY)
            if any("*" in pattern and "picus" not in pattern for pattern in statement.resources)}
    rows = {line[: line.index("|", line.index("|", 1) + 1) + 1] for line in README.splitlines() if line.startswith("| `")}
    assert rows == wide


@pytest.mark.parametrize("entry", KNOWN["unused"], ids=lambda entry: entry["why"])
def test_each_omitted_action_is_listed_by_aws_and_unused_by_the_templates(entry):
    kinds = [kind for kind in resources() if fnmatchcase(kind, entry.get("type", "*"))]
    for glob in entry["actions"]:
        assert any(kind in kinds and fnmatchcase(action, glob) for kind, action in of_handlers()), f"{glob} leaves out nothing"
    for name in entry.get("without", []):
        assert name in schemas()[entry["type"]]["properties"], f"{entry['type']} has no {name}"
        assert name not in resources()[entry["type"]], f"{entry['type']} now has {name}: its permissions are needed"


def subjects(finding):
    """The subject of a finding: actions, or a word of the policy."""
    if isinstance(finding.detail, list):
        return [found["action"] if isinstance(found, dict) else found for found in finding.detail]
    return [finding.location["string"]]


def is_known(finding):
    return any(finding.issue == entry["issue"]
               and all(any(fnmatchcase(one, glob) for glob in entry["of"]) for one in subjects(finding))
               for entry in KNOWN["linter"])


@pytest.mark.parametrize("name", EVERY)
def test_the_linter_finds_nothing(name):
    findings = analyze_policy_string(text(name)).findings
    assert [str(finding) for finding in findings if not is_known(finding)] == []
