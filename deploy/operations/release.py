"""A release is a folder in the bucket of the account: `releases/TIME-TAG/` with its template, its alarms and its
delete handler. Once it has passed its smoke test its parameters are there too: only such a one is gone back to.
"""

import io
import pathlib
import re
import subprocess
import tempfile
import zipfile

from .aws import REGION, Refused, Unanswered, ask, identity
from .command import Failure
from .stack import outputs, parameters

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
# Not part of a release: each deployment has its own.
OF_THE_DEPLOYMENT = ("DeployedAt", "DesiredTasks")


def bucket():
    return f"picus-artifacts-{identity()['Account']}-{REGION}"


def bucket_exists():
    try:
        ask("s3api", "head-bucket", Bucket=bucket())
    except Refused as refused:
        if refused.code in ("404", "NoSuchBucket"):
            return False
        raise
    return True


def image_exists(tag):
    try:
        return bool(ask("ecr", "describe-images", repositoryName="picus-service", imageIds=[{"imageTag": tag}])["imageDetails"])
    except Refused as refused:
        if refused.code in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False
        raise


def render(template):
    """A template with what it includes."""
    done = subprocess.run([DEPLOY / "render", template], capture_output=True)
    if done.returncode != 0:
        raise Failure(done.stderr.decode().strip())
    return done.stdout


def put(name, part, content):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        ask("s3api", "put-object", "--body", file.name, Bucket=bucket(), Key=f"releases/{name}/{part}")


def get(name, part):
    """A part of a release, or None if it does not exist."""
    with tempfile.NamedTemporaryFile() as file:
        try:
            ask("s3api", "get-object", "--bucket", bucket(), "--key", f"releases/{name}/{part}", file.name)
        except Refused as refused:
            if refused.code == "NoSuchKey":
                return None
            raise
        return pathlib.Path(file.name).read_bytes()


def architecture(package):
    """The processors that a delete handler is compiled for; None where its bootstrap says nothing of it.

    A program of Linux's names them in its head (elf(5): e_machine, little-endian)."""
    with zipfile.ZipFile(io.BytesIO(package)) as files, files.open("bootstrap") as program:
        head = program.read(20)
    return {b"\xb7\0": "arm64", b"\x3e\0": "x86_64"}.get(head[18:20]) if head[:4] == b"\x7fELF" else None


def template_url(name):
    return f"https://s3.{REGION}.amazonaws.com/{bucket()}/releases/{name}/picus.yaml"


def known_parameters(name):
    """The parameters that a release's template has."""
    summary = ask("cloudformation", "get-template-summary", TemplateURL=template_url(name))
    return {parameter["ParameterKey"] for parameter in summary["Parameters"]}


def complete(stack):
    """Marks the deployed release as good, so that a rollback may choose it."""
    kept = {name: value for name, value in parameters(stack).items() if name not in OF_THE_DEPLOYMENT}
    put(kept["Release"], "parameters", "".join(f"{name}\t{value}\n" for name, value in kept.items()).encode())


def good():
    """The releases that a rollback may choose, oldest first."""
    keys, start = [], {}
    while True:
        page = ask("s3api", "list-objects-v2", "--no-paginate", Bucket=bucket(), Prefix="releases/", **start)
        # S3 counts the keys of each page. Without the count, an empty bucket and an empty answer look the same.
        keys += [part["Key"] for part in page["Contents"]] if page["KeyCount"] else []
        if not page["IsTruncated"]:
            break
        start = {"ContinuationToken": page["NextContinuationToken"]}
    return sorted(match[1] for key in keys if (match := re.fullmatch(r"releases/([^/]+)/parameters", key)))


def kept_parameters(name):
    lines = (get(name, "parameters") or b"").decode().splitlines()
    kept = dict(line.split("\t", 1) for line in lines if "\t" in line)
    if kept.get("Release") != name or "ImageTag" not in kept:
        raise Unanswered("aws s3api get-object", f"the parameters of release {name} are not whole")
    return kept


def passes_smoke_test(stack):
    told = outputs(stack)
    command = [DEPLOY / "smoke", "--connect-to", told["LoadBalancerName"], told["BaseUrl"]]
    return subprocess.run(command).returncode == 0


