"""A real Redis as the backend: what has a 250 is in the stream, whatever becomes of Redis, and all else has a 451."""

from __future__ import annotations

import contextlib
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent

from tests.interop.conftest import need
from tests.interop.redis_server import RedisServer
from tests.ports import free_port
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx import StoreError
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.backends.redis import RedisBackend
from txsmtpx.backends.redis_entry import envelope_of
from txsmtpx.stores.redis_connection import RETRY
from txsmtpx.testing import Conversation, issue

pytestmark = pytest.mark.system

KEEPS = ("--appendonly", "yes", "--appendfsync", "always")
RULES = ("~mail", "+xadd", "+config|get", "+info", "+wait", "+select", "+ping")
"""The rights of the backend."""

REPLICATES = (*KEEPS, "--repl-diskless-sync-delay", "0")
MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")
STORED = "250 2.0.0 Ok: queued as "
NOT_STORED = "451 4.3.0 "


@pytest.fixture(scope="module")
def common(room: Callable[[str], Path]) -> Iterator[RedisServer]:
    """A Redis that no test kills, and whose configuration each test restores."""
    need("redis")
    server = RedisServer(room("stream"), *KEEPS)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis(room: Callable[[str], Path], request: pytest.FixtureRequest) -> Iterator[Callable[..., RedisServer]]:
    """Makes a Redis for one test."""
    need("redis")
    servers: list[RedisServer] = []

    def make(*options: str) -> RedisServer:
        directory = room(f"stream-{abs(hash((request.node.name, len(servers)))):x}")
        servers.append(RedisServer(directory, *(options or KEEPS)))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def clients() -> Iterator[list[tuple[RedisBackend, Conversation]]]:
    """The backends and clients of a test, which are closed."""
    made: list[tuple[RedisBackend, Conversation]] = []
    yield made
    for backend, client in made:
        client.hang_up()
        backend.close()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[str]]]:
    """The lines of the log so far."""
    with capturedLogs() as events:
        yield lambda: [formatEvent(event) for event in events]


class Mail:
    """A client of a server with a stream of Redis."""

    def __init__(self, clients: list[tuple[RedisBackend, Conversation]], server: RedisServer, **how: Any) -> None:
        self.server = server
        self.backend = RedisBackend(url(server), **how)
        self.client = Conversation(self.backend, max_message_bytes=10**8)
        clients.append((self.backend, self.client))
        self.client.ask("EHLO client.example")

    async def send(self, *lines: str) -> str:
        """Send a message, and return the reply."""
        self.client.ask(*MAIL)
        self.client.send("".join(f"{line}\r\n" for line in (*lines, ".")).encode())
        for _ in range(500):
            replies = self.client.replies()
            if replies:
                return replies[-1]
            await pause(0.02)
        raise TimeoutError


@pytest.fixture
def mail(clients: list[tuple[RedisBackend, Conversation]]) -> Callable[..., Mail]:
    return lambda server, **how: Mail(clients, server, **how)


def url(server: RedisServer) -> str:
    return f"unix://{server.socket}"


async def pause(seconds: float) -> None:
    await deferLater(reactor, seconds, lambda: None)


@contextlib.contextmanager
def configured(server: RedisServer, **values: str) -> Iterator[None]:
    """A Redis with other values, for a time."""
    before = {name: server.ask("CONFIG", "GET", name)[1] for name in values}
    for name, value in values.items():
        server.ask("CONFIG", "SET", name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            server.ask("CONFIG", "SET", name, value)
        eventually(lambda: b"aof_rewrite_in_progress:0" in server.ask("INFO", "persistence"))  # see the test below


async def test_a_message(common, mail):
    to = mail(common, stream="one")
    assert (await to.send("Subject: hello", "", "..dots \xe9 5")).startswith(STORED)
    (entry,) = common.entries("one")
    assert entry["content"] == "Subject: hello\r\n\r\n.dots \xe9 5\r\n".encode()
    envelope = envelope_of(entry)
    assert envelope.sender == "a@client.example"
    assert envelope.recipients == (EnvelopeRecipient("b@localhost"), EnvelopeRecipient("c@localhost"))
    assert entry["id"].decode() == f"{envelope.queue_id}@{envelope.domain}"
    assert (await to.send("7")).endswith(common.entries("one")[1]["queue_id"].decode())


FAULTS = [
    ({"appendfsync": "everysec"}, "appendfsync is everysec, not always"),
    ({"appendonly": "no"}, "appendonly is no, not yes"),
    ({"no-appendfsync-on-rewrite": "yes"}, "no-appendfsync-on-rewrite is yes, not no"),
    ({"maxmemory-policy": "allkeys-lru", "maxmemory": "1gb"}, "maxmemory-policy is allkeys-lru, which deletes"),
]


@pytest.mark.parametrize(("values", "text"), FAULTS)
@pytest.mark.parametrize("connected", [False, True])
async def test_a_redis_that_does_not_keep_messages(common, mail, logged, values, text, connected):
    """Also if that changes while the connection is open."""
    to = mail(common)
    if connected:
        assert (await to.send("x")).startswith(STORED)
    with configured(common, **values):
        assert (await to.send("x")).startswith(NOT_STORED)
    assert any(text in line for line in logged())
    assert (await mail(common).send("x")).startswith(STORED)


async def test_a_redis_that_writes_its_first_file(redis, mail, logged):
    """It is killed before the end of that file, and has lost all, although CONFIG GET reports appendonly yes."""
    server = redis("--appendfsync", "always")
    for number in range(10):
        server.ask("SET", f"key{number}", "x")
    server.ask("CONFIG", "SET", "rdb-key-save-delay", "1000000")  # microseconds for each key
    server.ask("CONFIG", "SET", "appendonly", "yes")
    assert server.ask("CONFIG", "GET", "appendonly")[1] == b"yes"
    assert (await mail(server).send("x")).startswith(NOT_STORED)
    assert any("Redis writes its first file of appendonly; wait for its end" in line for line in logged())


async def test_the_operator_accepts_losses(common, mail):
    with configured(common, appendonly="no"):
        assert (await mail(common, fsync="none").send("x")).startswith(STORED)


async def test_the_configuration_is_forbidden(common, mail, logged):
    common.ask("ACL", "SETUSER", "default", "-config")
    try:
        assert (await mail(common).send("x")).startswith(NOT_STORED)
        assert (await mail(common, fsync="assumed").send("x")).startswith(STORED)
    finally:
        common.kill()
        common.start()
    (line,) = [line for line in logged() if "cannot be used" in line]
    assert "CONFIG GET is forbidden; allow it by the rule +config|get of ACL SETUSER, or trust" in line


async def replicated(first: RedisServer, replica: RedisServer) -> None:
    """Make a Redis the replica of another one."""
    port = str(free_port())  # a UNIX socket is no address of a master
    first.ask("CONFIG", "SET", "port", port)
    replica.ask("REPLICAOF", "127.0.0.1", port)
    while b"master_link_status:up" not in replica.ask("INFO", "replication"):
        await pause(0.05)


async def test_replicas(redis, mail, logged):
    first, replica = redis(*REPLICATES), redis(*REPLICATES)
    to = mail(first, replicas=1, timeout=1)
    assert (await to.send("x")).startswith(NOT_STORED)
    assert any("0 of 1 replicas have the message" in line for line in logged())
    await replicated(first, replica)
    await pause(RETRY)
    assert (await to.send("y")).startswith(STORED)
    assert [each["content"] for each in replica.entries()] == [b"x\r\n", b"y\r\n"]
    replica.signal(signal.SIGSTOP)
    assert (await to.send("z")).startswith(NOT_STORED)
    replica.signal(signal.SIGCONT)


async def test_the_master_is_lost_and_a_replica_takes_over(redis, mail):
    """All that has a 250 is on the replica; what follows has a 451 until the replica has become the master."""
    first, replica = redis(*REPLICATES), redis(*REPLICATES)
    await replicated(first, replica)
    to = mail(first, replicas=1, timeout=2)
    replies = [await to.send(str(number)) for number in range(20)]
    first.kill()
    assert (await to.send("lost")).startswith(NOT_STORED)
    replica.socket = replica.socket.rename(first.socket)  # as a name that leads to the new master
    await pause(RETRY)
    assert (await to.send("read-only")).startswith(NOT_STORED)
    assert accepted(replies) <= stored(replica)
    replica.ask("REPLICAOF", "NO", "ONE")
    await pause(RETRY)
    assert (await to.send("moved")).startswith(NOT_STORED)  # the new master has no replica


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "OOM"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "READONLY"),
        (("SET", "mail", "text"), ("DEL", "mail"), "WRONGTYPE"),
    ],
)
async def test_redis_cannot_store(redis, mail, logged, before, after, text):
    """It is full, or a replica, or has something else at the key."""
    server = redis()
    to = mail(server)
    server.ask(*before)
    for _ in range(2):
        assert (await to.send("x")).startswith(NOT_STORED)
    assert any(text in line for line in logged())
    server.ask(*after)
    await pause(RETRY)
    assert (await to.send("x")).startswith(STORED)
    assert len(server.entries()) == 1


async def test_it_hangs(redis, mail):
    server = redis()
    to = mail(server, timeout=0.5)
    assert (await to.send("x")).startswith(STORED)
    server.signal(signal.SIGSTOP)
    assert (await to.send("x")).startswith(NOT_STORED)
    server.signal(signal.SIGCONT)
    await pause(RETRY)
    assert (await to.send("x")).startswith(STORED)


@pytest.mark.parametrize("inline", [1000, 100_000])
async def test_a_long_body_goes_into_the_directory(common, mail, tmp_path, inline):
    to = mail(common, stream=f"long-{inline}", inline=inline, bodies=str(tmp_path))
    body = ["x" * 998] * 5000
    assert (await to.send(*body)).startswith(STORED)
    (entry,) = common.entries(f"long-{inline}")
    (file,) = tmp_path.iterdir()
    assert (entry["body_file"].decode(), "content" in entry) == (file.name, False)
    assert file.read_bytes() == b"".join(f"{line}\r\n".encode() for line in body)


async def test_a_long_body_without_a_directory(common, mail):
    to = mail(common, stream="short", inline=10)
    assert await to.send("x" * 9) == "552 5.3.4 Message too big"
    assert to.client.ask("MAIL FROM:<a@client.example> SIZE=11") == ["552 5.3.4 Message too big"]
    assert (await to.send("x" * 8)).startswith(STORED)
    assert len(common.entries("short")) == 1


async def test_a_long_body_that_redis_does_not_get_leaves_no_file(redis, mail, tmp_path):
    server = redis()
    to = mail(server, inline=10, bodies=str(tmp_path))
    server.kill()
    assert (await to.send("x" * 100)).startswith(NOT_STORED)
    assert list(tmp_path.iterdir()) == []


def accepted(replies: list[str]) -> set[str]:
    """The queue ids of the messages that have a 250."""
    assert all(each.startswith((STORED, NOT_STORED)) for each in replies), replies
    return {each.removeprefix(STORED) for each in replies if each.startswith(STORED)}


def stored(server: RedisServer) -> set[str]:
    """The queue ids of the messages in the stream."""
    return {each["queue_id"].decode() for each in server.entries()}


async def test_it_is_killed_under_load(redis, clients):
    """What has a 250 is there after each SIGKILL; what has a 451 may be there too."""
    server = redis()
    replies: list[str] = []
    over = False

    async def sending(to: Mail) -> None:
        while not over:
            reply = await to.send("Subject: x", "", "x" * 1000)
            replies.append(reply)
            if reply.startswith(NOT_STORED):
                await pause(0.05)

    backend = Mail(clients, server).backend
    senders = [Mail(clients, server) for _ in range(10)]
    for each in senders:
        each.client.hang_up()
        each.client = Conversation(backend)
        each.client.ask("EHLO client.example")
    sent = [Deferred.fromCoroutine(sending(each)) for each in senders]
    for _ in range(3):
        before = len(replies)
        while len(replies) < before + 100:
            await pause(0.01)
        server.kill()
        await pause(0.1)
        server.start()
        assert accepted(replies) <= stored(server)
        await pause(RETRY)
    over = True
    await gatherResults(sent)
    assert len(accepted(replies)) >= 300
    assert accepted(replies) <= stored(server)
    assert any(each.startswith(NOT_STORED) for each in replies)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"appendonly": "no"}, "appendonly is no, not yes; correct redis.conf, or start with fsync=none"),
        ({}, ""),
    ],
)
def test_twistd_ends_if_redis_does_not_keep_messages(common, tmp_path, values, text):
    """The reason is in its log; so it is with --check."""
    backend = f"redis:{url(common)} stream=twistd"
    twistd = str(Path(sys.executable).with_name("twistd"))
    checking = [twistd, "smtpx", "--check", "--port", LOCAL, "--backend", backend]
    with configured(common, **values):
        checked = subprocess.run(checking, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
        assert checked.returncode == bool(text), checked.stdout + checked.stderr
        assert (text or "can be used") in checked.stdout + checked.stderr
        with Twistd(tmp_path, "--port", LOCAL, "--metrics", LOCAL, "--backend", backend) as server:
            if text:
                server.process.wait(20)
                assert f"the server does not start: redis unix:{common.socket}: a message may be lost" in server.log
            else:
                port, metrics = server.ports(2)
                with smtplib.SMTP("localhost", int(port), timeout=20) as client:
                    client.sendmail("a@client.example", ["b@localhost"], "hello")
                with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=20) as page:
                    taken = '{backend="redis",listener="",outcome="taken",stage="data"} 1.0'
                    assert f"txsmtpx_backend_outcomes_total{taken}" in page.read().decode()
                assert server.stop()
                (entry,) = common.entries("twistd")
                assert entry["content"] == b"hello\r\n"


async def test_a_login_of_an_acl_and_tls(redis, mail, clients, tmp_path):
    """With the rights that the page names, and no others."""
    pem, port = issue(tmp_path), str(free_port())
    certificate = f"--tls-cert-file {pem.certificate} --tls-key-file {pem.key} --tls-ca-cert-file {pem.certificate}"
    server = redis(*KEEPS, "--tls-port", port, "--tls-auth-clients", "no", *certificate.split())
    server.ask("ACL", "SETUSER", "txsmtpx", "on", ">secret", *RULES)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted/redis.pem").write_bytes(pem.certificate.read_bytes())
    (tmp_path / "login").write_text("txsmtpx:secret\n")
    files = {"login": str(tmp_path / "login"), "trust_roots": str(tmp_path / "trusted")}
    backend = RedisBackend(f"rediss://localhost:{port}", **files)
    client = Conversation(backend)
    clients.append((backend, client))
    client.ask("EHLO client.example", *MAIL, "x", ".")
    while not (replies := client.replies()):
        await pause(0.02)
    assert replies[0].startswith(STORED)
    wrong = RedisBackend(f"rediss://me:wrong@localhost:{port}", trust_roots=files["trust_roots"])
    with pytest.raises(StoreError, match="WRONGPASS"):
        await wrong.ask()
    with pytest.raises(StoreError, match="certificate"):
        await RedisBackend(f"rediss://localhost:{port}", login=files["login"]).ask()
