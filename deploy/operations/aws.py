"""A call of the AWS CLI. It has an answer that can be read, or it has failed: nothing in between is passed on.

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
# Of the CLI's exit codes: the call is malformed (2 in version 1), or the configuration or the credentials are.
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
    """AWS has answered that it does not do this; `code` is its error code."""

    def __init__(self, call, code, message):
        super().__init__(f"{call}: {code}: {message}; mend it and run the same command again")
        self.code, self.message = code, message


class Unanswered(Failure):
    """Nobody knows whether AWS has done it."""

    def __init__(self, call, why):
        super().__init__(f"{call}: {why}; run the same command again to complete it")


class Answer(dict):
    """A JSON object. A member that is not there is a failed call, not a default."""

    def __missing__(self, name):
        raise Unanswered("the AWS CLI", f"an answer has no {name}")


def ask(service, operation, /, *options, **request):
    """The answer to a call of an operation that has one. The request is as in AWS's API reference."""
    return again(service, operation, options, request, json.JSONDecoder(object_hook=Answer).decode)


def tell(service, operation, /, *options, **request):
    """Calls an operation or a waiter that answers nothing."""
    again(service, operation, options, request, lambda _: None)


def only(found, call):
    """The one thing that AWS was asked for."""
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
    """Who calls: `Account`, `Arn`."""
    return ask("sts", "get-caller-identity")


def arn(service, resource):
    """Of something in this account and region."""
    partition = identity()["Arn"].split(":")[1]
    return f"arn:{partition}:{service}:{REGION}:{identity()['Account']}:{resource}"
