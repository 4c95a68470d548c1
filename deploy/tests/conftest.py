"""Accounts in the emulator: one with containers for the story, and any number without containers for other tests."""

import os
import pathlib
import subprocess
import tempfile

import pytest

import started
from failing.lab import Lab
from world import PORT, TLS_PORT, World


def pytest_configure(config):
    config.addinivalue_line("markers", "whole: of the story's tests, one that `ci/story --short` leaves out")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def lab():
    """Emulated accounts without containers."""
    with tempfile.TemporaryDirectory() as work, Lab(pathlib.Path(work)).running() as lab:
        yield lab


@pytest.fixture(scope="session")
def agent():
    """The emulator listens only on this machine. Containers reach it at the address of Fargate's agent."""
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
        settings = {"AUTH": "true", "AWS_ENDPOINT_URL": world.endpoint, "PICUS_CALLS": str(world.calls)}
        try:
            with started.cli(world.work), started.emulator(world.work, PORT, TLS_PORT, world.region, **settings):
                try:
                    yield world
                finally:
                    world.clean_up()
        finally:
            keep = os.environ.get("PICUS_STORY_OUT")
            if keep:
                for file in (world.calls, world.work / "emulator.log"):
                    if file.exists():
                        (pathlib.Path(keep) / file.name).write_bytes(file.read_bytes())
