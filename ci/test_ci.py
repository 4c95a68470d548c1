"""The scripts of ci/, as their README, the justfile and deploy/ have them."""

import os
import re
from pathlib import Path

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
