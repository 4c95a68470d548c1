"""Starts MiniStack, and adds the AWS behaviour that it lacks: only what the story needs, a module a concern."""

import os

from hypercorn.config import Config
from ministack import app
from ministack.services import ecs, imds

import absent
import corrections  # noqa: F401  puts right what it imports
import fargate
import identity  # noqa: F401  the same
import past  # noqa: F401  the same
import rollout  # noqa: F401  the same
import scaling
import service_roles  # noqa: F401  the same
import tls
import weights  # noqa: F401  the same

# /health is the service's, not the emulator's.
app._HEALTH_PATHS = ("/_ministack/health",)

absent.install()
scaling.install()
if os.environ.get("PICUS_CONTAINERS") == "none":
    # A task runs as soon as it is asked for.
    ecs._get_docker = lambda: None
else:
    fargate.install(ecs, imds)
tls.install(Config)
app.main()
