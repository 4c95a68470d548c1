"""Going back to an earlier release.

What a roll-back leaves and where it goes is kept in the bucket until it is done. So a repeat of one that was
interrupted goes to the same release, not to the one before that.
"""

import datetime

from . import release, stack
from .aws import ask, only
from .command import Failure, say

UNDER_WAY = (".rollback", "under-way")


def go_back(name=""):
    """Deploys a good release again. Without a name, it is the newest one before the deployed one."""
    before = stack.deployed("picus")
    if not before:
        raise Failure("Picus is not deployed in this account and region")
    current = stack.outputs(before)["Release"]
    name = name or interrupted(current) or newest_before(current)
    if name not in release.good():
        raise Failure(f"there is no good release {name}; see deploy/rollback --list")
    kept = release.kept_parameters(name)
    if not release.image_exists(kept["ImageTag"]):
        raise Failure(f"the image of release {name}, {kept['ImageTag']}, is no longer in the repository picus-service")

    release.put(*UNDER_WAY, f"{current} {name}".encode())
    say(f"from release {current} to release {name}")
    now = datetime.datetime.now(datetime.timezone.utc)
    kept["DeployedAt"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    if "DesiredTasks" in release.known_parameters(name):
        kept["DesiredTasks"] = str(running_tasks())
    stack.change("picus", before, TemplateURL=release.template_url(name), Parameters=[stack.parameter(*each) for each in kept.items()])
    works = release.passes_smoke_test(stack.find("picus"))
    # Told before the mark goes: from then on the same command would go to a release before this one.
    say(f"release {name} is deployed again" + (", and works" if works else ""))
    release.put(*UNDER_WAY, b"")
    if not works:
        raise Failure(f"release {name} is deployed, and does not work either")


def interrupted(current):
    """The target of an incomplete rollback, if the present state comes from one."""
    kept = (release.get(*UNDER_WAY) or b"").decode().split()
    return kept[1] if len(kept) == 2 and current in kept else ""


def newest_before(current):
    earlier = [name for name in release.good() if name < current]
    if not earlier:
        raise Failure(f"there is no good release before {current}")
    return earlier[-1]


def running_tasks():
    """Templates of the first version set the number of tasks, which would undo scaling."""
    found = ask("ecs", "describe-services", cluster="picus-cluster", services=["picus-service"])["services"]
    return only([each for each in found if each["status"] == "ACTIVE"], "aws ecs describe-services")["desiredCount"]
