"""The account of the story, with its scripts, images and clients."""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import zipfile

import boto3

ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
ROOT = pathlib.Path(__file__).parents[2]


def docker(*command, stdin=None):
    return subprocess.run(["/usr/bin/docker", *command], input=stdin, check=True, text=True, stdout=subprocess.PIPE).stdout


def wait_for(true, patience=120, pause=0.5):
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until
        time.sleep(pause)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def put_image(ecr, tag):
    ecr.put_image(repositoryName="picus-service", imageTag=tag, imageManifest=json.dumps({"schemaVersion": 2, "tag": tag}))


def package(path, program):
    """Builds a package of the delete handler."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, program)
    return path


PORT, TLS_PORT = free_port(), free_port()


class World:
    account, region = "000000000000", "eu-central-1"
    repository = f"{account}.dkr.ecr.{region}.amazonaws.com/picus-service"

    def __init__(self, work):
        self.work = work
        self.endpoint = f"http://127.0.0.1:{PORT}"
        self.calls = work / "calls.jsonl"
        self.keys = ADMINISTRATOR
        # The load balancer's names are not in DNS, so curl connects to the emulator for every name.
        (work / ".curlrc").write_text(
            f'connect-to = ":443:127.0.0.1:{TLS_PORT}"\nconnect-to = "::127.0.0.1:{PORT}"\ncacert = "{work}/certificate.pem"\n'
        )

    def client(self, service):
        """A boto3 client with the administrator's permissions."""
        return boto3.client(service, region_name=self.region, endpoint_url=self.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    def assume(self, subject):
        """Makes all later scripts run as the deploy role, assumed with GitHub's token for `subject`."""
        claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": subject}
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims, {}))
        answer = self.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{self.account}:role/picus-deploy-role", RoleSessionName="story", WebIdentityToken=token
        )["Credentials"]
        self.keys = {
            "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
            "AWS_SESSION_TOKEN": answer["SessionToken"],
        }

    def environment(self):
        return {
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "CURL_HOME": str(self.work),
            "HOME": str(self.work),
            "PATH": f"{self.work}/bin:{os.environ['PATH']}",
            **self.keys,
        }

    def run(self, *command, **how):
        """Runs a command with the current credentials. Returns its exit code and its output."""
        done = subprocess.run(command, env=self.environment(), text=True, timeout=900, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        print(f"$ {' '.join(map(str, command))}\n{done.stdout}")
        return done.returncode, done.stdout

    def script(self, name, *arguments, stdin=None):
        return self.run(ROOT / "deploy" / name, *arguments, input=stdin)

    def interrupt(self, stack, status, name, *arguments):
        """Runs a script, and kills it with its children when its stack has this status."""
        running = subprocess.Popen([ROOT / "deploy" / name, *arguments], env=self.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)

        def under_way():
            assert running.poll() is None, f"{name} has ended"
            stacks = self.client("cloudformation").describe_stacks()["Stacks"]
            return (stack, status) in [(each["StackName"], each["StackStatus"]) for each in stacks]

        wait_for(under_way, pause=0.02)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()

    def shell(self, commands):
        """Runs the commands of the block as an administrator."""
        role, self.keys = self.keys, ADMINISTRATOR
        try:
            return self.run("bash", "-euo", "pipefail", "-c", commands)
        finally:
            self.keys = role

    def push(self, tag, source, *changes):
        """Registers the image in the repository, as docker push does. Tasks use the image of this machine."""
        changed = "".join(f"{change}\n" for change in changes)
        dockerfile = f"FROM {source}\nLABEL story={tag}\n{changed}"
        docker("build", "--quiet", "--tag", f"{self.repository}:{tag}", "-", stdin=dockerfile)
        put_image(self.client("ecr"), tag)

    def certificate(self, name):
        """Creates a certificate for `name` in ACM that curl trusts."""
        key, certificate = self.work / "key.pem", self.work / "certificate.pem"
        options = ("-nodes", "-days", "2", "-subj", "/CN=picus", "-addext", f"subjectAltName=DNS:{name}")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", certificate, *options], check=True, capture_output=True)
        return self.client("acm").import_certificate(Certificate=certificate.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]

    def network(self):
        """Creates a VPC with two subnets, as an existing network."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
        zones = {f"10.30.{number}.0/24": f"{self.region}{zone}" for number, zone in enumerate("ab")}
        return vpc, [ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"] for block, zone in zones.items()]

    def stack(self, name="picus"):
        return self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]

    def host(self):
        return self.client("elbv2").describe_load_balancers(Names=["picus-alb"])["LoadBalancers"][0]["DNSName"]

    def clean_up(self):
        for what, found in (
            ("container", docker("ps", "--all", "--quiet", "--filter", "name=ministack-ecs-").split()),
            ("image", docker("images", "--filter", f"reference={self.repository}", "--format", "{{.Repository}}:{{.Tag}}").split()),
        ):
            if found:
                docker(what, "rm", "--force", *found)
