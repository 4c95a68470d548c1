"""Calls the AWS CLI. A call returns a valid answer, or it has failed. Nothing in between is passed on.

The CLI tries again by itself as its settings say. When it gives up, or when what it prints is no answer, the call is
made again here: each of them can be repeated, since it changes nothing, leads to the same state, or carries a token.
Only what AWS itself refuses is final at once.
"""

import functools
import json
import os
import re
import subprocess
import sys
import time

from .command import Failure

# The first versions that know `cloudformation describe-events`.
LEAST_VERSIONS = {1: "1.43.0", 2: "2.32.0"}
CALLS, PAUSE_SECONDS = 3, 3
# Exit codes of the CLI for a malformed call (2 in version 1), and for bad configuration or credentials.
NOT_SENT = (2, 252, 253)
TRANSIENT = re.compile(
    r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|RequestTimeout|ServiceUnavailable|ServiceFailure"
    r"|^(Server|Service)Exception|^Internal|^5\d\d$"
)

REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-central-1"
ENVIRONMENT = {
    "AWS_MAX_ATTEMPTS": "6",
    "AWS_RETRY_MODE": "standard",
    **os.environ,
    # Version 1 of the CLI reads the second of the two.
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_PAGER": "",
    "AWS_CLI_AUTO_PROMPT": "off",
    # The one that both versions have, and that is read below.
    "AWS_CLI_ERROR_FORMAT": "legacy",
}


class Refused(Failure):
    """AWS refused the call. `code` is its error code."""

    def __init__(self, call, code, message):
        super().__init__(f"{call}: {code}: {message}; mend it and run the same command again")
        self.code, self.message = code, message


class Unanswered(Failure):
    """It is unknown whether AWS has performed the call."""

    def __init__(self, call, why):
        super().__init__(f"{call}: {why}; run the same command again to complete it")


class Answer(dict):
    """A JSON object. A missing member means a failed call, never a default."""

    def __missing__(self, name):
        raise Unanswered("the AWS CLI", f"an answer has no {name}")


def ask(service, operation, /, *options, **request):
    """Calls an operation and returns its answer. The request is as in AWS's API reference."""
    return again(service, operation, options, request, json.JSONDecoder(object_hook=Answer).decode)


def tell(service, operation, /, *options, **request):
    """Calls an operation or a waiter without an answer."""
    again(service, operation, options, request, lambda _: None)


def only(found, call):
    """The only element of an answer."""
    if len(found) != 1:
        raise Unanswered(call, f"it tells of {len(found)} things in place of one")
    return found[0]


def again(service, operation, options, request, read):
    check_version()
    call = f"aws {service} {operation}"
    command = ["aws", service, *operation.split(), "--output", "json", *options]
    if request:
        command += ["--cli-input-json", json.dumps(request)]
    for attempt in range(1, CALLS + 1):
        try:
            return read(once(call, command))
        except (Unanswered, ValueError) as failure:
            if isinstance(failure, ValueError):
                failure = Unanswered(call, "the AWS CLI printed no answer")
            if attempt == CALLS:
                raise failure from None
            print(f"  once more: {failure}", file=sys.stderr)
            time.sleep(PAUSE_SECONDS * attempt)


def once(call, command):
    done = run(command)
    if done.returncode == 0:
        # A warning, if anything.
        sys.stderr.write(done.stderr)
        return done.stdout
    said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    error = re.search(r"An error occurred \((?P<code>[^)]+)\).*? operation(?: \(reached max retries: \d+\))?: ?(?P<message>.*)", said)
    if error and not TRANSIENT.search(error["code"]):
        raise Refused(call, error["code"], error["message"])
    if done.returncode in NOT_SENT:
        raise Failure(f"{call}: {(done.stderr.strip().splitlines() or [said])[-1]}")
    raise Unanswered(call, said)


def run(command):
    try:
        return subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure("the AWS CLI is not installed") from None


@functools.cache
def check_version():
    said = run(["aws", "--version"]).stdout
    version = re.match(r"aws-cli/((\d+)\.\d+\.\d+)", said)
    if not version:
        raise Unanswered("aws --version", "the AWS CLI does not tell its version")
    least = LEAST_VERSIONS.get(int(version[2]))
    if least and numbers(version[1]) < numbers(least):
        raise Failure(f"the AWS CLI is {version[1]}, and {least} or newer is needed")


def numbers(version):
    return [int(number) for number in version.split(".")]


@functools.cache
def identity():
    """The caller's identity: `Account`, `Arn`."""
    return ask("sts", "get-caller-identity")


def arn(service, resource):
    """The ARN of something in this account and region."""
    partition = identity()["Arn"].split(":")[1]
    return f"arn:{partition}:{service}:{REGION}:{identity()['Account']}:{resource}"
