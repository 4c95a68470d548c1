"""deploy/push-image, with a real registry (Debian's docker-registry). No emulator scans images, so the test answers ECR's
four calls, as in its API reference."""

import base64
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


class Ecr(BaseHTTPRequestHandler):
    """ECR's repository picus-service, with the registry."""

    registry, status, description = "", "COMPLETE", "The scan was completed successfully."
    findings = {"findings": []}
    # The answers before the last one: errors, or statuses.
    before = []

    def do_POST(self):
        action = self.headers["X-Amz-Target"].split(".")[1]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = getattr(self, action)(asked)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def DescribeRepositories(self, _):
        return 200, {"repositories": [{"repositoryUri": f"{self.registry}/picus-service"}]}

    def GetAuthorizationToken(self, _):
        token = base64.b64encode(b"AWS:any").decode()
        return 200, {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": f"http://{self.registry}"}]}

    def DescribeImages(self, asked):
        digest = pushed(self.registry, asked["imageIds"][0]["imageTag"])
        return (200, {"imageDetails": [{"imageDigest": digest}]}) if digest else (400, {"__type": "ImageNotFoundException"})

    def DescribeImageScanFindings(self, _):
        status = self.before.pop(0) if self.before else self.status
        if status.endswith("Exception"):
            return 400, {"__type": status, "message": f"It is a {status}."}
        return 200, {"imageScanStatus": {"status": status, "description": self.description}, "imageScanFindings": self.findings}


def ask(registry, path):
    return urllib.request.urlopen(urllib.request.Request(f"http://{registry}/v2/picus-service/{path}", headers={"Accept": MANIFESTS}))


def pushed(registry, tag):
    """The digest of a tag in the registry."""
    try:
        return ask(registry, f"manifests/{tag}").headers["Docker-Content-Digest"]
    except urllib.error.HTTPError:
        return None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def ecr(tmp_path):
    port = free_port()
    configuration = tmp_path / "registry.yml"
    configuration.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/images}}}}\n"
                             f"http: {{addr: 127.0.0.1:{port}}}\n")
    registry = subprocess.Popen(["docker-registry", "serve", configuration], stderr=subprocess.DEVNULL)
    kind = type("OneEcr", (Ecr,), {"registry": f"127.0.0.1:{port}"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever).start()
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/")
            break
        except OSError:
            time.sleep(0.1)
    kind.url = f"http://127.0.0.1:{server.server_port}"
    kind.folder = tmp_path
    yield kind
    server.shutdown()
    registry.kill()
    registry.wait()
    subprocess.run(["docker", "image", "rm", f"{kind.registry}/picus-service:one"], capture_output=True)


def push(ecr, *arguments, seconds=300):
    output = ecr.folder / "output"
    environment = {**os.environ, "AWS_ENDPOINT_URL": ecr.url, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
                   "DOCKER_CONFIG": str(ecr.folder), "GITHUB_OUTPUT": str(output), "AWS_MAX_ATTEMPTS": "1",
                   "PICUS_SCAN_SECONDS": str(seconds)}
    done = subprocess.run([ROOT / "deploy/push-image", *arguments], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, output.read_text() if output.exists() else ""


def test_an_image_is_pushed_once_and_its_digest_printed(ecr):
    code, said, output = push(ecr, "picus-service:ci", "one")
    digest = pushed(ecr.registry, "one")
    assert code == 0, said
    assert output == f"repository={ecr.registry}/picus-service\ndigest={digest}\n"
    code, said, _ = push(ecr, "no-such-image", "one")
    assert code == 0 and "there already" in said
    assert pushed(ecr.registry, "one") == digest


def test_the_pushed_manifest_is_one_image_for_the_tasks_platform(ecr):
    """ECR does not scan an index of manifests."""
    push(ecr, "picus-service:ci", "one")
    manifest = json.load(ask(ecr.registry, "manifests/one"))
    configuration = json.load(ask(ecr.registry, f"blobs/{manifest['config']['digest']}"))
    assert (configuration["os"], configuration["architecture"]) == ("linux", "amd64")


LOW = {"name": "CVE-2026-1", "title": "CVE-2026-1 - zlib", "severity": "LOW", "status": "ACTIVE"}
CRITICAL = {"name": "CVE-2026-2", "title": "CVE-2026-2 - glibc", "severity": "CRITICAL", "status": "ACTIVE"}
ACCEPTED = {"title": "CVE-2026-3 - bash", "severity": "HIGH", "status": "SUPPRESSED"}


@pytest.mark.parametrize(("status", "kind"), [("COMPLETE", "findings"), ("ACTIVE", "enhancedFindings")])
def test_findings_of_the_scan_stop_the_push(ecr, status, kind):
    """Inspector's enhanced scan never ends, and its findings are in another field."""
    ecr.status, ecr.findings = status, {kind: [LOW, CRITICAL]}
    code, said, output = push(ecr, "picus-service:ci", "one")
    assert code == 1 and "CVE-2026-2" in said and "CVE-2026-1" not in said and output == ""


def test_findings_suppressed_in_inspector_do_not_stop_the_push(ecr):
    ecr.status, ecr.findings = "ACTIVE", {"enhancedFindings": [LOW, ACCEPTED]}
    code, said, _ = push(ecr, "picus-service:ci", "one")
    assert code == 0 and "nothing high or critical" in said


def test_the_script_waits_for_the_scan(ecr):
    ecr.before = ["ScanNotFoundException", "IN_PROGRESS"]
    ecr.findings = {"findings": [CRITICAL]}
    code, said, _ = push(ecr, "picus-service:ci", "one")
    assert code == 1 and "the scan: PENDING\n  the scan: IN_PROGRESS\n" in said and "CVE-2026-2" in said


@pytest.mark.parametrize(("status", "expected"), [
    ("ScanNotFoundException", "in time: PENDING: no scan has begun"),
    ("IN_PROGRESS", "in time: IN_PROGRESS"),
])
def test_the_wait_for_a_scan_is_bounded(ecr, status, expected):
    ecr.status = status
    code, said, output = push(ecr, "picus-service:ci", "one", seconds=0)
    assert code == 1 and expected in said.splitlines()[-1] and output == ""


def test_an_error_of_ecr_is_one_line(ecr):
    ecr.status = "AccessDeniedException"
    code, said, output = push(ecr, "picus-service:ci", "one")
    assert code == 1 and output == ""
    [line] = [line for line in said.splitlines() if "AccessDenied" in line]
    assert line.startswith("push-image: ECR does not tell of its scan: ")


@pytest.mark.parametrize(("status", "why", "expected"), [
    ("FAILED", "The scan timed out", 1),
    ("SCAN_ELIGIBILITY_EXPIRED", "The configured scan duration has lapsed", 1),
    ("FAILED", "UnsupportedImageError: The operating system '' version '' is not supported.", 0),
    ("UNSUPPORTED_IMAGE", "The image is not supported", 0),
])
def test_an_unscanned_image_stops_the_push_unless_ecr_cannot_scan_it(ecr, status, why, expected):
    ecr.status, ecr.description = status, why
    code, said, _ = push(ecr, "picus-service:ci", "one")
    assert code == expected and why in said


def test_bad_use_is_one_line(ecr):
    code, said, _ = push(ecr, "picus-service:ci")
    assert code == 64 and said.count("\n") == 1
