"""
Published helpers for Mailpit and MailHog, used with a running inbox.

Those of npm run in node.  Those for Cypress run without Cypress: ``helpers/cypress.mjs`` has as much of it as they use.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.wire.twistd import LOCAL, Twistd

pytestmark = pytest.mark.system

HELPERS = Path(__file__).with_name("helpers")

NPM = ("mailpit-api@2.1.0", "cypress-mailpit@2.0.0", "mailhog@4.16.0", "cypress-mailhog@2.5.0")
PIP = ("mailhog==0.1.1", "mailpit-api-client==1.0.0", "pyhog==0.0.1")

PDF = b"\0\1\2"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the packages of npm."""
    if shutil.which("npm") is None:
        pytest.skip(f"npm is not installed, so there is none of {', '.join(NPM)}")
    directory = tmp_path_factory.mktemp("npm")
    # Cypress, which two of them name, is neither installed nor run.
    quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps")
    subprocess.run(["npm", "install", *quiet, "--prefix", str(directory), *NPM], cwd=directory, check=True)
    return directory


@pytest.fixture(scope="module")
def python_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the packages of PyPI."""
    directory = tmp_path_factory.mktemp("pip")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The lock is for the environment of the project.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    run = subprocess.run([*pip, "--target", str(directory), *PIP], env=environment, capture_output=True, text=True)
    if run.returncode and not os.environ.get("TXSMTPX_REQUIRE_PEERS"):
        pytest.skip(f"pip cannot install {', '.join(PIP)}")
    assert run.returncode == 0, run.stderr
    return directory


class Inbox:
    """
    A running inbox with two messages.

    Attributes:
        url: Its URL.
        port: Its port.
    """

    def __init__(self, server: Twistd) -> None:
        smtp, self.port = map(int, server.ports(2))
        self.url = f"http://127.0.0.1:{self.port}"
        with smtplib.SMTP("127.0.0.1", smtp) as client:
            for message in (_plain(), _full()):
                client.send_message(message)

    def node(self, helper: str, packages: Path, *arguments: str) -> Any:
        """What a helper has found."""
        command = ["node", str(HELPERS / f"{helper}.mjs"), str(packages), self.url, *arguments]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def python(self, program: str, packages: Path) -> Any:
        """What a program has found, whose variables are ``url`` and ``port``."""
        code = f"import json\nurl, port = {self.url!r}, {self.port}\n{program}\nprint(json.dumps(found))"
        environment = os.environ | {"PYTHONPATH": str(packages)}
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


def _plain() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "me@example.org", "you@example.net", "plain"
    message.set_content("Grüße")
    return message


def _full() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.org>", "Bob <bob@example.net>"
    message["Subject"], message["Message-ID"] = "Hello Mailpit", "<a1@example.org>"
    message["Date"] = "Mon, 15 Jun 2026 15:06:40 +0200"
    message.set_content("Hey <3")
    message.add_alternative("<p>Hey</p>", subtype="html")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="a.pdf")
    return message


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with Twistd(tmp_path, "--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--chaos", forked=True) as server:
        yield Inbox(server)


def test_mailpit_api(inbox: Inbox, packages: Path) -> None:
    found = inbox.node("mailpit-api", packages)
    assert (found["info"]["Messages"], found["info"]["RuntimeStats"]["SMTPAccepted"]) == (2, 2)
    assert [each["Subject"] for each in found["list"]["messages"]] == ["Hello Mailpit", "plain"]
    assert [each["Subject"] for each in found["part"]["messages"]] == ["plain"]
    assert found["search"]["messages"] == found["list"]["messages"][:1]
    assert (found["waited"]["Subject"], found["several"]["messages_count"]) == ("Hello Mailpit", 2)
    latest = found["latest"]
    assert (latest["From"], latest["To"]) == (
        {"Name": "Ann", "Address": "ann@example.org"}, [{"Name": "Bob", "Address": "bob@example.net"}]
    )  # fmt: skip
    assert (latest["MessageID"], latest["Date"]) == ("a1@example.org", "2026-06-15T15:06:40+02:00")
    assert (latest["Text"], latest["HTML"]) == ("Hey <3\n", "<p>Hey</p>\r\n")
    assert [each["FileName"] for each in latest["Attachments"]] == ["a.pdf"]
    assert found["headers"]["Message-Id"] == ["<a1@example.org>"]
    assert found["source"].startswith("From: Ann <ann@example.org>\r\n")
    assert found["file"] == {"type": "application/octet-stream", "octets": list(PDF)}
    assert (found["html"], found["text"]) == (latest["HTML"], latest["Text"])
    assert found["marked"] == ["ok", 2, "ok", 1, "ok", 0]
    assert found["tags"] == ["ok", ["one", "two"], "ok", "ok", ["three"]]
    off, on, off_again = found["chaos"]
    assert (on["Sender"], off) == ({"ErrorCode": 451, "Probability": 5}, off_again)
    missing, no_query = found["errors"]
    assert "Mailpit API Error: 404 Not Found" in missing
    assert "Mailpit API Error: 400 Bad Request" in no_query
    assert found["deleted"] == ["ok", 1, "ok", 0, "ok"]


def test_cypress_mailpit(inbox: Inbox, packages: Path) -> None:
    found = inbox.node("cypress-mailpit", packages)
    assert (found["all"]["total"], found["all"]["count"]) == (2, 2)
    for name in ("bySubject", "byWords", "byRecipient"):
        assert [each["Subject"] for each in found[name]["messages"]] == ["Hello Mailpit"]
    assert [each["Subject"] for each in found["search"]["messages"]] == ["plain"]
    assert found["has"] == [1, 1, 1, 0, 0, 0]
    assert found["mail"] == {
        "subject": "Hello Mailpit",
        "from": "ann@example.org",
        "to": ["bob@example.net"],
        "attachments": ["a.pdf"],
        "html": "<p>Hey</p>\r\n",
        "text": "Hey <3\n",
    }
    assert found["marked"] == ["ok", 2, "ok", 1, "ok", 2, "ok", 0]
    assert found["deleted"] == [200, 1, 200, 0]


def test_mailhog_of_npm(inbox: Inbox, packages: Path) -> None:
    found = inbox.node("mailhog", packages)
    assert found["counts"] == [2, 1, 0]
    assert found["mail"]["subject"] == "Hello Mailpit"
    assert (found["mail"]["from"], found["mail"]["to"]) == ("Ann <ann@example.org>", "Bob <bob@example.net>")
    assert found["mail"]["date"] == "2026-06-15T13:06:40.000Z"
    assert found["mail"]["attachments"] == [["a.pdf", "application/pdf", "base64", "AAEC"]]
    assert (found["plain"], found["containing"], found["nothing"]) == ("Grüße", 1, 0)
    assert found["deleted"] == [200, 1, 200, 0]


def test_cypress_mailhog(inbox: Inbox, packages: Path) -> None:
    found = inbox.node("cypress-mailhog", packages)
    assert found["subjects"] == ["Hello Mailpit", "plain"]
    assert found["mail"] == {
        "subject": "Hello Mailpit",
        "sender": "ann@example.org",
        "recipients": ["bob@example.net"],
        "attachments": ['"a.pdf"'],
    }
    assert (found["counts"], found["jim"], found["deleted"]) == ([1, 1, 1, 1], False, [200, 0])


def test_mailhog_of_pypi(inbox: Inbox, python_packages: Path) -> None:
    program = """
from mailhog import Mailhog
client = Mailhog("127.0.0.1", port)
listed = client.messages()
mail = client.search("bob@example.net", "to").items[0]
found = [listed.total, mail.get_subject(), mail.get_sender(), mail.get_recipients(), mail.content.size]
client.delete(mail)
found.append(client.messages(limit=1).total)
client.delete_all()
found.append(client.messages().total)
"""
    found = inbox.python(program, python_packages)
    assert found.pop(4) > 500
    assert found == [2, "Hello Mailpit", "ann@example.org", ["bob@example.net"], 1, 0]


def test_mailpit_api_client(inbox: Inbox, python_packages: Path) -> None:
    """It reads lists and parts.  Its other functions need fields that Mailpit has no more, or send a form."""
    program = """
import httpx
from mailpit.client.api import API
client = API(url)
listed = client.get_messages()
first = listed.messages[0]
found = [listed.total, listed.unread, listed.count, first.subject, first.from_.address, first.created.isoformat()[:2]]
found.append(client.get_message_attachment(first.id, "3"))
try:
    client.delete_messages([first.id])
except httpx.HTTPStatusError as error:
    found.append(error.response.status_code)
found.append(client.get_messages().total)
"""
    found = inbox.python(program, python_packages)
    assert found == [2, 2, 2, "Hello Mailpit", "ann@example.org", "20", PDF.decode(), 415, 2]


def test_pyhog(inbox: Inbox, python_packages: Path) -> None:
    program = """
import openapi_client
client = openapi_client.DefaultApi(openapi_client.ApiClient(openapi_client.Configuration(host=url)))
found = [client.api_v2_messages_get().total, client.api_v2_search_get(kind="to", query="bob@example.net").count]
"""
    assert inbox.python(program, python_packages) == [2, 1]


@pytest.mark.parametrize("helper", ["mailpit-api", "mailhog"])
def test_a_login(tmp_path: Path, packages: Path, helper: str) -> None:
    login = ("--web-auth", "memory:me:secret")
    with Twistd(tmp_path, "--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--chaos", *login) as server:
        inbox = Inbox(server)
        assert inbox.node(helper, packages, "me", "secret")["deleted"]
        assert "was rejected" not in server.log
        command = ["node", str(HELPERS / f"{helper}.mjs"), str(packages), inbox.url, "me", "wrong"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert run.returncode != 0
        assert "the login of 'me' from 127.0.0.1 was rejected" in server.log
