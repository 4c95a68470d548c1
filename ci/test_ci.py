"""Compares the scripts of ci/ with their README, the justfile and deploy/."""

import os
import re
import subprocess
from pathlib import Path

import jmespath
import pytest

ROOT = Path(__file__).parents[1]


def scripts(folder):
    return {file.name for file in (ROOT / folder).iterdir() if file.is_file() and os.access(file, os.X_OK)}


def test_the_readme_has_every_script():
    rows = re.findall(r"^\| `ci/(\S+?)[` ]", (ROOT / "ci/README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(scripts("ci"))


def test_the_justfile_runs_scripts_that_are_there():
    commands = re.findall(r"^ +@?(\S+)", (ROOT / "justfile").read_text(), re.MULTILINE)
    ran = {command for command in commands if command not in ("just", "cargo")}
    assert ran == {f"ci/{script}" for script in scripts("ci")}


def test_no_script_shares_its_name_with_one_of_the_deployment():
    assert len(scripts("deploy")) > 5
    assert not scripts("ci") & scripts("deploy")


def all_scripts():
    return [".ci/run", *(f"{folder}/{name}" for folder in ("ci", "deploy") for name in sorted(scripts(folder)))]


@pytest.mark.parametrize("script", all_scripts())
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_helps_and_does_nothing(script, option, tmp_path):
    """PATH has no tools, so the script could do nothing else."""
    done = subprocess.run(
        [ROOT / script, option], cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, ""), f"{script} {option}: exit code {done.returncode}: {done.stderr}"
    assert len(done.stdout) > 40, f"{script} {option} says only {done.stdout!r}"
    assert not list(tmp_path.iterdir())


def test_a_look_up_in_a_document_that_finds_nothing_prints_nothing():
    """If a query's result is null, the AWS CLI prints the text `None`; for an empty list, it prints nothing."""
    texts = [file.read_text() for folder in ("docs", "docs/runbooks", "deploy") for file in (ROOT / folder).glob("*.md")]
    queries = [query for text in texts for query in re.findall(r"""--query "([^"]*\[\?[^"]*)" --output text""", text)]
    assert queries
    for query in queries:
        answer = {re.match(r"\w+", query)[0]: [{}]}
        assert not (found := jmespath.search(query, answer)) and found is not None, query
