"""Loads the real AWS CLI once and forks it for each call. Only so are thousands of calls fast enough.

A script's run can have a plan that says which call fails, and how: see `ways.py`.
"""

import contextlib
import gc
import io
import json
import os
import pathlib
import re
import signal
import socket
import sys
import traceback

import awscli.botocore.loaders
import awscli.clidriver

from ways import WAYS

SERVICES = ("cloudformation", "cloudwatch", "dynamodb", "ecr", "ecs", "elbv2", "iam", "s3", "sns", "sts")


driver = awscli.clidriver.create_clidriver()


def warm_up():
    """Reads the CLI's data files for a call, so that the forked processes need not read them."""
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        driver.main(["--version"])
    for service in SERVICES:
        model = driver.session.get_service_model(service)
        driver.session.create_client(service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="a")
        for name in ("paginators-1", "waiters-2", "endpoint-rule-set-1"):
            with contextlib.suppress(awscli.botocore.loaders.DataNotFoundError):
                driver.session.get_component("data_loader").load_service_model(model.service_name, name)
    gc.freeze()


def call_cli(arguments):
    """Returns the call's exit code, stdout and stderr."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.stdout, sys.stderr = out, err
    try:
        code = driver.main(arguments)
    except SystemExit as end:
        code = end.code
    out.flush(), err.flush()
    return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


def operation(arguments):
    words = [word for word in arguments if re.fullmatch(r"[a-z0-9-]+", word) and not word.startswith("--")]
    return " ".join(words[:2])


def answer(asked):
    """Makes one call, or lets it fail if the run's plan says so."""
    # The path of the CLI's data, as the CLI itself sets it.
    data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(asked["environment"], AWS_DATA_PATH=data)
    os.chdir(asked["folder"])
    if "PICUS_PLAN" not in os.environ:
        return call_cli(asked["arguments"])
    plan = json.loads(pathlib.Path(os.environ["PICUS_PLAN"]).read_text())
    log = pathlib.Path(plan["log"])
    this = operation(asked["arguments"])
    made = [*(log.read_text().splitlines() if log.exists() else []), this]
    # The number of polls differs from run to run, so a plan counts only the calls of its own operation.
    number = made.count(plan["operation"])
    with log.open("a") as file:
        file.write(this + "\n")
    recorded = plan.get("answers", {}).get(this)
    way = WAYS.get(plan.get("way"))
    hit = way and (number >= plan["number"] if way.stays else number == plan["number"] and this == plan["operation"])
    if hit and not way.sent:
        return way.answer(this, 0, "", "")
    code, out, err = recorded or call_cli(asked["arguments"])
    if not hit:
        return code, out, err
    if way.kills:
        os.kill(asked["script"], signal.SIGKILL)
    return way.answer(this, code, out, err)


def serve(connection):
    with connection, connection.makefile("rw") as stream:
        try:
            result = answer(json.loads(stream.readline()))
        except BaseException:
            result = 99, "", traceback.format_exc()
        stream.write(json.dumps(result))


def main(path):
    warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                serve(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
