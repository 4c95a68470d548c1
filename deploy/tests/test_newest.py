"""deploy/newest: whether a commit may be deployed, or a newer one is deployed already."""

import json
import os
import subprocess

import pytest

from world import ROOT

AWS = """#!/bin/sh
case $1 in
  --version) echo aws-cli/2.40.0 ;;
  *) cat '{answer}' ;;
esac
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A repository with three commits in a row, and one on another branch."""
    folder = tmp_path_factory.mktemp("history")

    def git(*command):
        who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        return subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(name):
        git("commit", "--quiet", "--allow-empty", "--message", name)
        return git("rev-parse", "HEAD")

    git("init", "--quiet")
    commits = {name: commit(name) for name in ("first", "second", "third")}
    git("checkout", "--quiet", commits["first"])
    return folder, commits | {"beside": commit("beside")}


@pytest.mark.parametrize(
    ("deployed", "commit", "newest"),
    [
        (None, "first", True),
        ("first", "second", True),
        ("second", "second", True),
        ("third", "second", False),
        ("third", "first", False),
        ("beside", "third", True),
        ("by-hand", "third", True),
    ],
)
def test_a_commit_is_deployed_unless_a_later_one_is_deployed(tmp_path, history, deployed, commit, newest):
    folder, commits = history
    parameters = [{"ParameterKey": "ImageTag", "ParameterValue": commits.get(deployed, deployed)}]
    stack = {"StackName": "picus", "StackId": "arn:picus", "StackStatus": "UPDATE_COMPLETE", "Parameters": parameters}
    answer, output = tmp_path / "answer", tmp_path / "output"
    answer.write_text(json.dumps({"Stacks": [stack]}))
    aws = AWS.format(answer=answer)
    if not deployed:
        refusal = "An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id picus does not exist"
        aws = aws.replace(f"cat '{answer}'", f"echo '{refusal}' >&2; exit 254")
    (tmp_path / "aws").write_text(aws)
    (tmp_path / "aws").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(output)}
    done = subprocess.run([ROOT / "deploy/newest", commits[commit]], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert output.read_text() == f"newest={str(newest).lower()}\n"
