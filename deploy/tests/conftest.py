"""One AWS account in the emulator for the whole story, and what the scripts need to reach it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import pytest

from failing.lab import start_cli
from world import PORT, TLS_PORT, World

HERE = pathlib.Path(__file__).parent


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def agent():
    """Containers reach the emulator, which listens on this machine alone, where Fargate's agent is."""
    rule = ["PREROUTING", "-i", "docker0", "-d", "169.254.170.2", "-p", "tcp", "--dport", "80"]
    rule += ["-j", "DNAT", "--to-destination", f"127.0.0.1:{PORT}"]
    run("sysctl", "-qw", "net.ipv4.conf.docker0.route_localnet=1")
    run("iptables", "-t", "nat", "-A", *rule)
    yield
    run("iptables", "-t", "nat", "-D", *rule)
    run("sysctl", "-qw", "net.ipv4.conf.docker0.route_localnet=0")


@pytest.fixture(scope="session")
def world(agent):
    with tempfile.TemporaryDirectory() as work:
        world = World(pathlib.Path(work))
        log = open(world.work / "emulator.log", "w")
        environment = {
            **os.environ,
            "AUTH": "true",
            "AWS_ENDPOINT_URL": world.endpoint,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(PORT),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": world.region,
            "PICUS_CALLS": str(world.calls),
            "PICUS_TLS_PORT": str(TLS_PORT),
            "TMPDIR": work,
        }
        cli = start_cli(world.work)
        emulator = subprocess.Popen([sys.executable, HERE / "emulator.py"], env=environment, stdout=log, stderr=log)
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{world.endpoint}/_ministack/health", timeout=1)
                    break
                except OSError:
                    assert emulator.poll() is None, (world.work / "emulator.log").read_text()
                    time.sleep(0.5)
            yield world
        finally:
            world.clean_up()
            for process in (emulator, cli):
                process.terminate()
                process.wait(20)
            keep = os.environ.get("PICUS_STORY_OUT")
            if keep:
                for file in (world.calls, world.work / "emulator.log"):
                    if file.exists():
                        (pathlib.Path(keep) / file.name).write_bytes(file.read_bytes())
