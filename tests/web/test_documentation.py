"""What docs/inbox.md says is true: its commands, its programs and its answers, run in the order of the page."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

from tests.docs.network import network
from tests.docs.page import Page
from tests.docs.story import Story, commands
from tests.interop.conftest import need
from tests.wire.twistd import LOCAL, Twistd

ROOT = Path(__file__).parents[2]
PAGE = Page("docs/inbox.md")
SERVE, CONTAINER = PAGE.take("shell", "pip install"), PAGE.take("shell", "--web-host")
DJANGO, PROGRAM = PAGE.take("python", "EMAIL_BACKEND"), PAGE.take("python", "import smtplib")
WAIT, SHOWN = PAGE.take("shell", "wait=10"), PAGE.take("json")
ASK = PAGE.take("shell", "DELETE")


def test_it_is_as_it_says(tmp_path):
    need("curl")
    install, serve = commands(SERVE.text)
    (extra,) = re.fullmatch(r"python -m pip install 'txsmtpx\[(\w+)\]'", install).groups()
    assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    twistd, *options = shlex.split(serve)
    assert [twistd, *options[:2]] == ["twistd", "-n", "smtpx"]
    options = [{"tcp:1025:interface=127.0.0.1": LOCAL, "8025": LOCAL}.get(each, each) for each in options[2:]]
    with Twistd(tmp_path, *options) as server:
        smtp, http = server.ports(2)

        def run(command: str) -> str:
            there = command.replace("localhost:8025", f"127.0.0.1:{http}")
            return subprocess.run(shlex.split(there), check=True, capture_output=True, text=True).stdout

        exec(DJANGO.text, settings := {})
        assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("127.0.0.1", 1025)
        exec(PROGRAM.text.replace("1025", smtp), {})
        assert _comparable(run(WAIT.text)) == _comparable(SHOWN.text)
        one, source, delete = commands(ASK.text)
        assert json.loads(run(one))["text"] == "Hey <3\n"
        assert run(source).startswith("From: me@example.org\n")
        assert run(delete) == ""
        assert json.loads(run("curl -s http://localhost:8025/api/messages"))["total"] == 0


def _comparable(answer: str) -> object:
    """Without what is another each time."""
    parsed = json.loads(answer)
    for message in parsed["messages"]:
        assert re.fullmatch(r"[0-9A-F]{12}", message.pop("queue_id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", message.pop("arrived"))
    return parsed


def test_in_a_container(tmp_path):
    with network() as own:
        story = Story(tmp_path, own)
        try:
            story.run(story.at_home(CONTAINER.text))
            server = story.at_home("localhost:8025")
            assert [_status(server, host) for host in ("mail:8025", "elsewhere:8025")] == [200, 403]
        finally:
            story.end()


def _status(server: str, host: str) -> int:
    with contextlib.closing(http.client.HTTPConnection(server, timeout=20)) as connection:
        connection.request("GET", "/api/messages", headers={"Host": host})
        return connection.getresponse().status


def test_each_field_of_a_message_has_a_word(web):
    web.keep(b"Subject: x\r\n\r\n")
    one = web.json("/api/messages/1")
    names = {**one, **one["parts"][0]}
    assert [name for name in names if f"`{name}`" not in PAGE.text and f'"{name}"' not in PAGE.text] == []
