"""deploy/smoke, for a host name that is not yet in DNS, with a certificate that only the load balancer has."""

import datetime
import os
import re
import ssl
import subprocess
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stand_in import Picus

ROOT = Path(__file__).parents[2]
NAME = "picus.invalid"


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def picus(tmp_path):
    certificate(tmp_path)

    class OnePicus(Picus):
        items, asked, folder = {}, [], tmp_path

        def answer_to(self, body):
            self.asked.append((self.command, self.headers["Host"], self.headers["Authorization"]))
            return super().answer_to(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), OnePicus)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    OnePicus.port = server.server_port
    threading.Thread(target=server.serve_forever).start()
    yield OnePicus
    server.shutdown()


def smoke(picus, *arguments, token=None):
    environment = {**os.environ, "CURL_CA_BUNDLE": str(picus.folder / "certificate.pem"), "CURL_HOME": str(picus.folder)}
    environment.pop("PICUS_TOKEN", None)
    if token is not None:
        environment["PICUS_TOKEN"] = token
    done = subprocess.run([ROOT / "deploy/smoke", *arguments], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_host_name_can_be_tested_before_it_is_in_dns(picus):
    code, said = smoke(picus, "--connect-to", "127.0.0.1", f"https://{NAME}:{picus.port}")
    assert code == 0 and said.endswith("delete what was deleted: 404\n"), said
    assert {host for _, host, _ in picus.asked} == {f"{NAME}:{picus.port}"}
    assert picus.items == {}


@pytest.mark.parametrize(("token", "sent"), [("abc.def", "Bearer abc.def"), ("", None), (None, None)])
def test_a_token_is_sent_if_one_is_set(picus, token, sent):
    code, said = smoke(picus, f"https://{NAME}:{picus.port}", "--connect-to", "127.0.0.1", token=token)
    assert code == 0, said
    assert {authorization for _, _, authorization in picus.asked} == {sent}


@pytest.mark.parametrize("arguments", [(), ("--connect-to", "", "https://a"), ("https://a", "--connect-to"), ("--connect-to", "b"), ("a",)])
def test_bad_use_is_one_line(picus, arguments):
    code, said = smoke(picus, *arguments)
    assert code == 64 and re.fullmatch(r"smoke: .*; see .*/smoke --help\n", said), said
