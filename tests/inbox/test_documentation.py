"""What docs/inbox.md says is true: its commands, its programs and its answers, run in the order of the page."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import re
import shlex
import smtplib
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from urllib.request import Request, urlopen

import django
import pytest

from tests.docs.block import Block
from tests.docs.network import network
from tests.docs.page import Page
from tests.docs.story import Story, commands
from tests.interop.conftest import need
from tests.newcomer.clone import OFFLINE, lend
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd, run
from txsmtpx.backends.http_signature import WebhookSecret

ROOT = Path(__file__).parents[2]
PAGE = Page("docs/inbox.md")
CONTAINER, SERVE = PAGE.take("shell", "--web tcp:8025"), PAGE.take("shell", "--backend memory --web 8025\n")
FILE = PAGE.take("shell", "--backend inbox:mail.db --web 8025\n")
DJANGO, OLD_DJANGO = PAGE.take("python", "MAILERS"), PAGE.take("python", "EMAIL_BACKEND")
PROGRAM = PAGE.take("python", "import smtplib")
HOOK, SECRET = PAGE.take("shell", "--webhook"), PAGE.take("shell", "token_bytes")
CHAOS, FAULTS = PAGE.take("shell", "--chaos"), PAGE.take("shell", "/api/chaos")
FAULTS_SHOWN = PAGE.take("json", "faults")
WAIT, SHOWN = PAGE.take("shell", "search=to:you@example.net&wait=10"), PAGE.take("json", "beginning")
MAILBOX, LIMITED = PAGE.take("shell", "mailbox=recipient"), PAGE.take("shell", "--mailbox-limit")
ASK = PAGE.take("shell", "DELETE")
RELEASE, RELEASED = PAGE.take("shell", "--release-to"), PAGE.take("json", "outcomes")
REMOTE, SPAM = PAGE.take("shell", "--web-remote public"), PAGE.take("shell", "--web-spam")
LOGIN, ASK_WITH_LOGIN = PAGE.take("shell", "--web-auth"), PAGE.take("shell", "Bearer")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How it is where pip finds a wheel of this and what that needs; nothing of this is installed yet."""
    directory = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(ROOT)]
    subprocess.run(build, env=os.environ | OFFLINE, check=True)
    venv.create(directory / "environment", symlinks=True)
    lend(directory / "environment")
    return OFFLINE | {"PATH": f"{directory}/environment/bin:{os.environ['PATH']}", "PIP_FIND_LINKS": str(directory)}


def test_it_is_as_it_says(installed, tmp_path):
    need("curl")
    with network() as own, contextlib.closing(Inbox(tmp_path, own, installed)) as inbox:
        assert "WARNING" not in inbox.run("python -m pip install 'txsmtpx[web]'")  # of an extra that does not exist
        inbox.type(SERVE)
        exec(inbox.at_home(PROGRAM.text), {})
        (found,) = inbox.type(WAIT)
        assert _comparable(found) == _comparable(SHOWN.text)
        one, source, deleted = inbox.type(ASK)
        assert json.loads(one)["text"] == "Hey <3\n"
        assert source.startswith("From: me@example.org\n")
        assert deleted == ""
        assert inbox.get("localhost:8025") == (200, 0)
        inbox.send_by_django(DJANGO if django.VERSION >= (6, 1) else OLD_DJANGO)
        assert inbox.get("localhost:8025") == (200, 1)
        for messages in (0, 1):
            inbox.type(FILE)
            assert inbox.get("localhost:8025") == (200, messages)
            exec(inbox.at_home(PROGRAM.text), {})
        inbox.type(LIMITED)
        found, _ = inbox.type(MAILBOX)
        assert json.loads(found)["total"] == 2
        assert inbox.get("localhost:8025") == (200, 0)
        inbox.type(CONTAINER)
        assert [inbox.get(host)[0] for host in ("mail:8025", "elsewhere:8025")] == [200, 403]


def test_a_login_is_required_as_it_says(pem, tmp_path):
    need("curl")
    (tmp_path / "users").write_text("me:secret\n")
    (tmp_path / "tokens").write_text("ci 3Rk9vQ2mXw7bT5nZ8cYp\n")
    ours = f"ssl:0:interface=127.0.0.1:privateKey={pem.key}:certKey={pem.certificate}"
    options = LOGIN.text.split("smtpx", 1)[1].replace("\\\n", " ")
    options = options.replace("ssl:8025:privateKey=privkey.pem:certKey=fullchain.pem", ours)
    with Twistd(tmp_path, "--port", LOCAL, *options.split()) as server:
        port = server.ports(2)[1]
        assert f"https://127.0.0.1:{port}/: this host only" in server.log

        def curl(command: str) -> str:
            here = command.replace(":8025", f":{port}") + f" --insecure --resolve mail.example.org:{port}:127.0.0.1"
            return subprocess.run(here, shell=True, stdout=subprocess.PIPE, check=True, text=True).stdout

        for command in ASK_WITH_LOGIN.text.splitlines():
            assert json.loads(curl(command))["total"] == 0
            for right, wrong in (("me:secret", "me:wrong"), ("3Rk9", "4Rk9")):
                if right in command:
                    assert json.loads(curl(command.replace(right, wrong))) == {
                        "error": "The name or the password is wrong."
                    }
        assert "the login of 'me' from 127.0.0.1 was rejected" in server.log
        assert "wrong" not in server.log


def test_a_message_is_released_as_it_says(pem, tmp_path_factory):
    """The next server requires TLS and a login, and has a user of the page only."""
    server, inbox = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("inbox")
    (inbox / "login").write_text("ann:secret\n")
    ssl = f"ssl:0:interface=127.0.0.1:privateKey={pem.key}:certKey={pem.certificate}"
    accepted = ("--auth", "memory:ann:secret", "--require-auth", "--backend", "scripted")
    with Twistd(server, "--port", ssl, *accepted) as real:
        options = shlex.split(RELEASE.text.split("smtpx", 1)[1].replace("\\\n", " "))
        to = f"tls:127.0.0.1:{real.ports(1)[0]}"
        ours = {"tcp:1025:interface=127.0.0.1": LOCAL, "8025": LOCAL, "tls:mail.example.org:465": to}
        options = [ours.get(each, each) for each in options]
        with Twistd(inbox, *options, "--release-allow-unverified-tls") as catcher:
            smtp, web = map(int, catcher.ports(2))
            with smtplib.SMTP("127.0.0.1", smtp) as client:
                client.sendmail("me@example.org", ["you@example.org", "reject-550@example.org"], b"Subject: a\r\n\r\n")
            asked = Request(f"http://127.0.0.1:{web}/api/messages/latest/release", method="POST")
            with urlopen(asked) as answer:
                found = json.load(answer)
        assert "secret" not in catcher.log
    shown = json.loads(RELEASED.text)
    assert {**found, "outcomes": []} == {**shown, "outcomes": []}
    assert [each["reply"][:5] for each in found["outcomes"]] == [each["reply"][:5] for each in shown["outcomes"]]


def test_commands_fail_as_it_says(tmp_path):
    need("curl")
    options = CHAOS.text.split("smtpx", 1)[1].replace("tcp:1025:interface=127.0.0.1", LOCAL).replace("8025", LOCAL)
    with Twistd(tmp_path, *options.split()) as server:
        smtp, web = map(int, server.ports(2))
        said = [
            subprocess.run(command.replace(":8025", f":{web}"), shell=True, capture_output=True, check=True).stdout
            for command in FAULTS.text.splitlines()
        ]
        assert json.loads(said[0]) == json.loads(FAULTS_SHOWN.text)
        assert [len(json.loads(each)["faults"]) for each in said] == [1, 2, 3, 3, 0]
        fault = "command=RCPT&code=452&address=full@x.example"
        urlopen(Request(f"http://127.0.0.1:{web}/api/chaos?{fault}", method="POST")).close()
        with smtplib.SMTP("127.0.0.1", smtp) as client:
            refused = client.sendmail("me@example.org", ["full@x.example", "you@x.example"], b"Subject: a\r\n\r\n")
    assert refused == {"full@x.example": (452, b"4.0.0 Chaos: this fault was asked for")}


class _Arrivals(http.server.BaseHTTPRequestHandler):
    """It keeps the requests that it gets."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.arrived.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_message_is_announced_as_it_says(tmp_path):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-ec", SECRET.text], check=True, cwd=tmp_path, env=os.environ | {"PATH": path})
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    secret = WebhookSecret((tmp_path / "secret").read_text().strip())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Arrivals) as application:
        application.arrived = []
        threading.Thread(target=application.serve_forever, daemon=True).start()
        options = shlex.split(HOOK.text.split("smtpx", 1)[1].replace("\\\n", " "))
        ours = {"tcp:1025:interface=127.0.0.1": LOCAL, "8025": LOCAL}
        options = [ours.get(each, each).replace(":8000", f":{application.server_port}") for each in options]
        with Twistd(tmp_path, *options) as server:
            smtp, web = map(int, server.ports(2))
            with smtplib.SMTP("127.0.0.1", smtp) as client:
                client.sendmail("me@example.org", ["you@example.org"], b"Subject: a\r\n\r\n")
            ((path, headers, body),) = eventually(lambda: application.arrived, lambda: server.log)
            with urlopen(f"http://127.0.0.1:{web}/api/messages") as answer:
                listed = json.load(answer)["messages"]
        application.shutdown()
    assert path == "/arrived"
    assert [json.loads(body)] == listed
    assert secret.verify(headers, body, time.time()) == f"msg_{listed[0]['queue_id']}"


class Inbox(Story):
    """The page, so far."""

    def __init__(self, directory: Path, as_printed: bool, environment: dict[str, str]) -> None:
        super().__init__(directory, as_printed)
        self.environment |= environment

    def type(self, block: Block) -> list[str]:
        """What each of its commands says."""
        return [self.run(command) for command in commands(self.at_home(block.text))]

    def get(self, host: str) -> tuple[int, object]:
        """The status of the list, and how many are in it, for one who calls the server so."""
        with contextlib.closing(http.client.HTTPConnection(self.at_home("localhost:8025"), timeout=20)) as connection:
            connection.request("GET", "/api/messages", headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()).get("total")

    def send_by_django(self, settings: Block) -> None:
        """Send a message with these settings; a warning is an error."""
        (self.directory / "settings.py").write_text(self.at_home(settings.text))
        send = "from django.core.mail import send_mail; send_mail('Hi', 'text', 'a@example.org', ['b@example.net'])"
        subprocess.run(
            [sys.executable, "-W", "error", "-c", send],
            cwd=self.directory,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "settings"},
            check=True,
        )

    close = Story.end


def _comparable(answer: str) -> object:
    """Without what is another each time."""
    parsed = json.loads(answer)
    for message in parsed["messages"]:
        assert re.fullmatch(r"[0-9A-F]{12}", message.pop("queue_id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", message.pop("arrived"))
    return parsed


def test_each_field_of_a_message_has_a_word(web):
    web.keep(b"Subject: x\r\n\r\n")
    one = web.json("/api/messages/1")
    names = {**one, **one["parts"][0]}
    assert [name for name in names if f"`{name}`" not in PAGE.text and f'"{name}"' not in PAGE.text] == []


@pytest.mark.system
@pytest.mark.parametrize("block", [REMOTE, SPAM], ids=["remote", "spam"])
def test_a_command_can_be_run(tmp_path: Path, block: Block) -> None:
    """What the options do is in the tests of the browser and of the score."""
    words = shlex.split(block.text.replace("8025", "tcp:0"))
    ran = run(tmp_path, *words[words.index("smtpx") + 1 :], "--port", "tcp:0", "--check")
    assert ran.returncode == 0, ran.stderr
