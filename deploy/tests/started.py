"""Starts the emulator of AWS, and a fast AWS CLI."""

import contextlib
import os
import pathlib
import subprocess
import sys
import urllib.request

from world import wait_for

HERE = pathlib.Path(__file__).parent
PATIENCE = 90

SHIM = """#!{python} -ISs
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect("{socket}")
with connection, connection.makefile("rw") as stream:
    call = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd(), "script": os.getppid()}}
    stream.write(json.dumps(call) + "\\n")
    stream.flush()
    code, out, err = json.loads(stream.read())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


@contextlib.contextmanager
def cli(work):
    """Puts an `aws` into `work`/bin that passes its calls to one running process."""
    (work / "bin").mkdir()
    shim = work / "bin/aws"
    shim.write_text(SHIM.format(python=sys.executable, socket=work / "cli"))
    shim.chmod(0o755)
    with until_left([sys.executable, HERE / "failing/cli.py", work / "cli"], stdout=subprocess.DEVNULL):
        wait_for((work / "cli").exists, PATIENCE, pause=0.1)
        yield


@contextlib.contextmanager
def emulator(work, port, tls_port, region, **settings):
    """Starts the emulator, and waits until it answers. Its log is in `work`."""
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": region,
        "PICUS_TLS_PORT": str(tls_port),
        "TMPDIR": str(work),
        **settings,
    }
    log = work / "emulator.log"
    with log.open("w") as out, until_left([sys.executable, HERE / "emulator.py"], env=environment, stdout=out, stderr=out) as process:

        def answers():
            assert process.poll() is None, log.read_text()
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=1)
            except OSError:
                return None

        wait_for(answers, PATIENCE, pause=0.1)
        yield


@contextlib.contextmanager
def until_left(command, **how):
    process = subprocess.Popen(command, **how)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
