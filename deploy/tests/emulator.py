"""Starts MiniStack, and adds AWS behaviour that it lacks, as far as the story needs it. Each module adds one part."""

import os

from hypercorn.config import Config
from ministack import app
from ministack.services import ecs, imds

import absent
import corrections  # noqa: F401  importing it changes MiniStack
import fargate
import identity  # noqa: F401  the same
import past  # noqa: F401  the same
import rollout  # noqa: F401  the same
import scaling
import service_roles  # noqa: F401  the same
import tls
import weights  # noqa: F401  the same

# /health must reach the service, not the emulator.
app._HEALTH_PATHS = ("/_ministack/health",)

absent.install()
scaling.install()
if os.environ.get("PICUS_CONTAINERS") == "none":
    # A task counts as running as soon as it is requested.
    ecs._get_docker = lambda: None
else:
    fargate.install(ecs, imds)
tls.install(Config)
app.main()
