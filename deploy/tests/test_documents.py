"""The AWS CLI accepts each `aws` command in the documents: its operation, options, values and query."""

import re
import shlex
import subprocess

import pytest

import started
from test_intent import DOCUMENTS, commands

# Nothing listens here. The CLI checks its whole command line before it connects.
NOWHERE = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
           "AWS_MAX_ATTEMPTS": "1"}
UNREACHED = "Could not connect to the endpoint URL"


def of_aws(document):
    """Each `aws` command of a document, split into words as a shell does. `one` replaces unknown values."""
    for text in commands(document):
        text = re.sub(r"\\\n\s*", " ", text)
        for command in re.findall(r"\baws [a-z0-9-]+ [a-z0-9-]+(?: (?:'[^']*'|\"[^\"]*\"|[^'\"|;)`>\n])*)?", text):
            yield [re.sub(r"\$\w+|\$\{[^}]*\}", "one", word) for word in shlex.split(command)]


ALL = [(document, words) for document in DOCUMENTS for words in of_aws(document) if words[1] != "sso"]


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    work = tmp_path_factory.mktemp("cli")
    with started.cli(work):
        yield work


@pytest.mark.parametrize(("document", "words"), ALL, ids=[f"{document}: {' '.join(words[:3])}" for document, words in ALL])
def test_the_aws_cli_accepts_each_command_in_the_documents(cli, document, words):
    for name in (word.removeprefix("file://") for word in words if word.startswith("file://")):
        (cli / name).write_text("{}")
    environment = NOWHERE | {"PATH": str(cli / "bin"), "HOME": str(cli)}
    done = subprocess.run([cli / "bin/aws", *words[1:]], cwd=cli, env=environment, capture_output=True, text=True)
    assert UNREACHED in done.stdout + done.stderr, (document, words, done.stderr)


def test_the_documents_contain_aws_commands():
    assert len(ALL) > 40
