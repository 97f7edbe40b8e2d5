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
from tests.docs.story import Story
from tests.interop.conftest import need
from tests.test_readme import blocks, commands
from tests.wire.twistd import LOCAL, Twistd

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "inbox.md").read_text()


def test_it_is_as_it_says(tmp_path):
    need("curl")
    install, serve, _, wait, *asks = commands(PAGE)
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

        django, program = blocks(PAGE, "python")
        exec(django, settings := {})
        assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("127.0.0.1", 1025)
        exec(program.replace("1025", smtp), {})
        (shown,) = blocks(PAGE, "json")
        assert _comparable(run(wait)) == _comparable(shown)
        one, source, delete = asks
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
            story.run(story.at_home(commands(PAGE)[2]))
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
    assert [name for name in {**one, **one["parts"][0]} if f"`{name}`" not in PAGE and f'"{name}"' not in PAGE] == []
