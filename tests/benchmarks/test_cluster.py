"""The three machines of the example: no message with a 250 is lost, whichever process is killed; and their page."""

from __future__ import annotations

import re
import shlex
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from benchmarks.cluster import EXAMPLE, Cluster, cluster, commands, killed
from tests.docs.page import Page
from tests.docs.telnet import play
from tests.interop.conftest import need, room  # noqa: F401  # a fixture
from tests.interop.redis_server import RedisServer
from tests.waiting import PATIENCE, eventually
from txsmtpx import MaildirBackend
from txsmtpx.backends import redis_settings
from txsmtpx.backends.redis import RedisBackend
from txsmtpx.command.option import option_name
from txsmtpx.consume import Consumer, PartlyHandled, QueuedMessage
from txsmtpx.consume.__main__ import backend_of, source_of
from txsmtpx.consume.redis_source import RedisSource
from txsmtpx.testing import Conversation

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/redis-streams.md")
FILES = {
    "redis.conf": PAGE.take("ini").text,
    "smtpx.toml": PAGE.take("toml", "redis:").text,
    "rabbitmq.toml": PAGE.take("toml", "amqp:").text,
    "consumer.py": PAGE.take("python").text,
    "haproxy.cfg": PAGE.take("text", "frontend").text,
}
CONSUME = PAGE.take("shell", "txsmtpx.consume").text
SHELL = PAGE.take_all("shell")
TELNET = PAGE.take("console").text
USERS = PAGE.take("text", "ACL").text.splitlines()


async def pause(seconds: float) -> None:
    await deferLater(reactor, seconds, lambda: None)


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    need("redis")
    need("haproxy")
    with cluster() as made:
        made.start_all()
        yield made


def test_the_files_of_the_page_are_the_example() -> None:
    assert {file.name: file.read_text() for file in EXAMPLE.iterdir() if file.is_file()} == FILES


def test_the_commands_of_the_page_are_run() -> None:
    shown = [line for block in SHELL for line in block.text.splitlines()]
    assert set(shown) == set(commands("redis").values())


def test_the_command_that_consumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/interop/test_redis_source.py runs it."""
    monkeypatch.chdir(tmp_path)
    python, m, module, url, to, backend = shlex.split(CONSUME)
    assert (python, m, module, to) == ("python", "-m", "txsmtpx.consume", "--to")
    assert source_of(url).name == "redis tcp:127.0.0.1:6379 stream inbound"
    assert isinstance(backend_of(backend), MaildirBackend)


def test_the_dialog_of_the_page(running: Cluster) -> None:
    _, *lines = TELNET.splitlines()
    play(lambda: socket.create_connection(("127.0.0.1", running.port("haproxy")), PATIENCE), lines)
    eventually(lambda: "hello" in running.names(), running.log)


@pytest.mark.parametrize("name", ["server 2525", "consumer 2525", "redis", "haproxy"])
def test_a_process_is_killed(running: Cluster, name: str) -> None:
    result = killed(running, name, 0.5, clients=4)
    assert result.lost == 0, running.log()
    assert result.accepted > 4


def test_a_consumer_that_is_stopped_leaves_nothing_behind(running: Cluster) -> None:
    running.kill("consumer 2526", signal.SIGTERM)
    running.start("consumer 2526")


def test_the_page_has_every_setting() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", PAGE.text.partition("## Settings")[2], re.MULTILINE))
    shown = {"inline": "16 MiB", "timeout": "10", "replicas": "0", "stream": "`mail`", "fsync": "`checked`"}
    assert rows == {option_name(each): shown.get(each.name, "none") for each in redis_settings.OF_BACKEND}


async def test_the_rights_of_the_page(room: Callable[[str], Path]) -> None:  # noqa: F811
    """They are enough for a server, and for a consumer with all that it does."""
    need("redis")
    server = RedisServer(room("rights"), "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    for line in USERS:
        server.ask(*line.split())
    url = f"unix://{{}}:secret@{server.socket}".format
    backend = RedisBackend(url("server"), stream="inbound", replicas=0)
    client = Conversation(backend)
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@example.org>", "DATA", "x", ".")
    while not (replies := client.replies()):
        await pause(0.02)
    assert replies[0].startswith("250")
    server.ask("XADD", "inbound", "*", "x", "malformed")
    answers = [PartlyHandled("later", again=[0]), PartlyHandled("no", rejected=[0])]

    def handle(message: QueuedMessage) -> None:
        raise answers.pop(0)

    consumer = Consumer(RedisSource(url("consumer"), stream="inbound", idle=1), handle, delays=(0.1,))
    consumer.startService()
    while server.ask("XLEN", "inbound.dead") < 2:
        await pause(0.05)
    await consumer.stopService()
    assert server.ask("XLEN", "inbound") == server.ask("ZCARD", "inbound.retry") == 0
    client.hang_up()
    backend.close()
    server.kill()
