"""Runs scripts in accounts of one emulator, and lets chosen calls fail."""

import contextlib
import http.server
import itertools
import json
import os
import pathlib
import subprocess
import sys
import threading
from collections import namedtuple

import started
from failing.account import Account
from stand_in import Picus
from world import ROOT, free_port, package, put_image, wait_for

HERE = pathlib.Path(__file__).parent
REGION = "eu-central-1"
REPOSITORY = "picus@1001/picus@2002"

# The result of a script's run. `calls` are the calls of the AWS CLI that it made.
Run = namedtuple("Run", "code out err calls")

# A fake docker: its push puts the image into the repository.
DOCKER = """#!/bin/bash
case $1 in
  login) cat >/dev/null ;;
  push) AWS_DEFAULT_REGION=$AWS_REGION PICUS_PLAN={quiet} aws ecr put-image --repository-name picus-service --image-tag "${{3##*:}}" --image-manifest '{{"schemaVersion": 2}}' >/dev/null && echo "$3" ;;
esac
"""


# The emulator does not scan images, so these answers are recorded.
RECORDED = {
    "ecr describe-image-scan-findings": (0, json.dumps({"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": []}}), ""),
}


class Lab:
    def __init__(self, work):
        self.work, self.port = work, free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.numbers = itertools.count(1)
        (work / "quiet").write_text(json.dumps({"log": os.devnull, "operation": None}))
        self.package = package(work / "delete-handler.zip", b"#!/bin/sh\n")

    @contextlib.contextmanager
    def running(self):
        docker = self.work / "bin/docker"
        picus = http.server.ThreadingHTTPServer(("127.0.0.1", 0), picus_of(self))
        threading.Thread(target=picus.serve_forever, daemon=True).start()
        self.picus_port = picus.server_port
        settings = {"PICUS_CALLS": os.devnull, "PICUS_CONTAINERS": "none"}
        try:
            with started.cli(self.work), started.emulator(self.work, self.port, free_port(), REGION, **settings):
                docker.write_text(DOCKER.format(quiet=self.work / "quiet"))
                docker.chmod(0o755)
                yield self
        finally:
            picus.shutdown()

    def account(self):
        """Creates an empty account."""
        return Case(self, Account(next(self.numbers), self.endpoint, REGION))

    def works(self, account):
        """Whether the deployed image works."""
        release = Account(int(account), self.endpoint, REGION).parameters()["ImageTag"]
        return not release.startswith("bad")


def nth(calls, number):
    """The call with that number, as `Case.run` expects it: its operation, and its number among that operation's calls."""
    return calls[number - 1], calls[:number].count(calls[number - 1])


class Case:
    def __init__(self, lab, account):
        self.lab, self.account = lab, account
        self.folder = lab.work / account.id
        self.folder.mkdir()
        (self.folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{lab.picus_port}"\nheader = "X-Account: {account.id}"\n')

    def run(self, script, *arguments, at=(None, 0), way=None, answers=None, root=ROOT):
        """Runs a script, and lets one call fail in `way`. `at` is the call's operation, and its number among that operation's calls.
        `answers`: recorded answers, by operation."""
        plan, log = self.folder / "plan", self.folder / "log"
        log.write_text("")
        plan.write_text(json.dumps({"operation": at[0], "number": at[1], "way": way, "log": str(log), "answers": RECORDED | (answers or {})}))
        environment = {
            "AWS_ACCESS_KEY_ID": self.account.id,
            "AWS_ENDPOINT_URL": self.lab.endpoint,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": "any",
            "CURL_HOME": str(self.folder),
            "HOME": str(self.folder),
            "PATH": f"{self.lab.work}/bin:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "PICUS_PLAN": str(plan),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(HERE / "quick"),
        }
        done = subprocess.run([root / "deploy" / script, *arguments], env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr, log.read_text().splitlines())

    def must(self, script, *arguments):
        done = self.run(script, *arguments)
        assert done.code == 0, f"{script}: {done.out}{done.err}"
        return done

    def bootstrapped(self, *tags):
        """Runs the bootstrap, and pushes images with these tags."""
        self.must("bootstrap", "--repository", REPOSITORY)
        for tag in tags:
            put_image(self.account.client("ecr"), tag)
        return self

    def deploy(self, tag, *arguments):
        return "deploy", "--image", tag, "--delete-handler", self.lab.package, *arguments

    def at_rest(self):
        """Waits until AWS has finished: it goes on after a script was killed. Returns the account's state."""
        def rests():
            states = [stack["StackStatus"] for stack in self.account.stacks().values()]
            return not any(state.endswith("_IN_PROGRESS") and state != "REVIEW_IN_PROGRESS" for state in states)

        wait_for(rests, 60, pause=0.1)
        return self.account.state()


def picus_of(lab):
    """The server for the smoke test. It works if a good image is deployed."""

    class PicusOfAccounts(Picus):
        items = {}

        def owner(self):
            return self.headers["X-Account"]

        def works(self):
            return lab.works(self.owner())

    return PicusOfAccounts
