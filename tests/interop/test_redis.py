"""The store in a real Redis: its scripts give what the store in memory gives, and its failures have their policy."""

from __future__ import annotations

import random
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater

from tests.docs.page import Page
from tests.interop.conftest import need
from tests.interop.redis_server import RedisServer
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from txsmtpx import (
    ConfiguredFilter,
    Connection,
    FilterBackend,
    MailOptions,
    MemoryBackend,
    RcptOptions,
    StoreError,
)
from txsmtpx.filters.greylist import Greylist
from txsmtpx.interfaces import Sighting, Verdict
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.stores.redis_connection import RETRY
from txsmtpx.stores.redis_store import MOST_NAMES, RedisStore
from txsmtpx.testing import Conversation, issue

DAY = 86_400.0

COMMANDS = Page("docs/howto/rate-limits.md").take("text", "user txsmtpx on").text.split()[5:]
"""The commands that the page tells an operator to allow."""


@pytest.fixture(scope="module")
def common(room: Callable[[str], Path]) -> Iterator[RedisServer]:
    """A Redis that no test kills."""
    need("redis")
    server = RedisServer(room("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis(room: Callable[[str], Path], request: pytest.FixtureRequest) -> Iterator[Callable[..., RedisServer]]:
    """Makes a Redis for one test."""
    need("redis")
    servers = []

    def make(*options: str) -> RedisServer:
        directory = room(f"redis-{abs(hash(request.node.name)):x}")
        servers.append(RedisServer(directory, *options))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def connect() -> Iterator[Callable[..., RedisStore]]:
    """Makes stores, which are closed."""
    stores = []

    def make(server: RedisServer, **how: Any) -> RedisStore:
        stores.append(RedisStore(server.endpoint, **how))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


async def pause(seconds: float) -> None:
    await deferLater(reactor, seconds, lambda: None)


async def failure(store: RedisStore, within: float = 5.0) -> str:
    """The text of the error of a request, which comes in time."""
    start = time.monotonic()
    with pytest.raises(StoreError) as raised:
        await store.take("failing", 1, 60)
    assert time.monotonic() - start < within
    return str(raised.value)


async def test_a_bucket(common, connect):
    store = connect(common)
    assert [await store.take("bucket", 3, 30) for _ in range(3)] == [0, 0, 0]
    assert await store.take("bucket", 3, 30) == pytest.approx(10, abs=1)
    assert int(common.command("PTTL", "txsmtpx:limit:bucket")[1:]) == pytest.approx(30_000, abs=1000)
    assert await store.take("quick", 1, 0.05) == 0
    await pause(0.1)
    assert common.command("EXISTS", "txsmtpx:limit:quick") == ":0"
    assert await store.take("quick", 1, 0.05) == 0


async def test_names(common, connect):
    store = connect(common, prefix="names:")
    assert await store.look("seen", "owner", "name", DAY) == Sighting(None, 0)
    assert await store.note("seen", "owner", "name", DAY) == Sighting(0, 1)
    await pause(0.05)
    assert (await store.note("seen", "owner", "name", DAY)).age == pytest.approx(0.05, abs=0.5)
    assert (await store.look("seen", "owner", "name", DAY)).age > 0.04
    assert await store.note("seen", "owner", "name", DAY, renew=True) == Sighting(0, 1)
    assert await store.look("seen", "owner", "name", 0.000001) == Sighting(None, 0)
    assert common.command("EXISTS", "names:seen:owner") == ":0"
    await store.note("seen", "owner", "name", DAY)
    assert int(common.command("TTL", "names:seen:owner")[1:]) == pytest.approx(DAY, abs=5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.time_limit(60)
async def test_the_same_as_in_memory(common, connect, seed):
    """Under the same clock."""
    clock, chance = Clock(), random.Random(seed)
    clock.advance(1.8e9)
    memory, store = MemoryStore(reactor=clock), connect(common, prefix=f"same{seed}:")
    run = store._redis.run

    def at_the_time_of_the_test(script: str, *arguments: str) -> Any:
        seconds, rest = divmod(round(clock.seconds() * 1e6), 1_000_000)
        return run(script.replace("redis.call('TIME')", f"{{{seconds}, {rest}}}"), *arguments)

    store._redis.run = at_the_time_of_the_test  # type: ignore[method-assign]
    for _ in range(400):
        name = chance.choice("abc")
        if chance.random() < 0.5:
            bucket = name, chance.choice([0.5, 1, 3.5, 7]), 60
            waits = await store.take(*bucket), memory.take(*bucket)
            assert waits[0] == pytest.approx(waits[1], abs=1e-4)
        elif chance.random() < 0.5:
            looked = "seen", chance.choice("xy"), name, 100
            assert await store.look(*looked) == pytest.approx(memory.look(*looked), abs=1e-4)
        else:
            noted = "seen", chance.choice("xy"), name, 100, chance.random() < 0.3
            assert await store.note(*noted) == pytest.approx(memory.note(*noted), abs=1e-4)
        clock.advance(chance.choice([0, 0, 1, 10, 50]))


async def test_the_names_of_an_owner_have_a_bound(common, connect):
    store = connect(common, prefix="bound:")
    for number in range(MOST_NAMES + 20):
        sighting = await store.note("seen", "owner", f"{number}", DAY)
        assert sighting.number == min(number + 1, MOST_NAMES)
    assert (await store.look("seen", "owner", "19", DAY)).age is None
    assert (await store.look("seen", "owner", "20", DAY)).age is not None


TAKING = """
import sys
from twisted.internet import defer, task
from txsmtpx.stores.redis_store import RedisStore

async def main(reactor):
    store = RedisStore(sys.argv[1])
    waits = await defer.gatherResults([defer.ensureDeferred(store.take("exact", 100, 1e6)) for _ in range(90)])
    print(waits.count(0))
    store.close()

task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
"""


def test_processes_share_a_limit_exactly(common):
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKING, common.endpoint], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    taken = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(taken) == 100


def test_workers_share_a_limit_exactly(common, room):
    """Whichever worker each of many connections reaches."""
    port = free_port()
    options = ["--port", f"tcp:{port}:interface=127.0.0.1", "--workers", "2", "--backend", "null"]
    options += ["--limit", "20 messages per day per host", "--limit-store", f"redis:{common.endpoint}"]

    def accepted() -> bool:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.ehlo()
            code, text = client.mail("a@client.example")
            assert code == 250 or text == b"4.7.1 Too much mail, try again later"
            return code == 250

    with smtpx(room("workers"), port, *options), ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: accepted(), range(60))]
    assert found.count(True) == 20


async def test_two_machines_share_a_greylist(common, connect):
    greylists = [Greylist(connect(common), delay=0.2, window=60, known_after=1) for _ in range(2)]

    async def verdict(greylist: Greylist, sender: str) -> Verdict:
        connection = Connection("1", "localhost", False)
        connection.peer = IPv4Address("TCP", "192.0.2.1", 4000)
        made = greylist(connection)
        made.mail(sender, MailOptions())
        return await made.recipient("b@server.example", RcptOptions())

    for greylist in greylists:
        deferral = await verdict(greylist, "a@client.example")
        assert (deferral.code, deferral.text) == (451, "Greylisted, try again in 1 s")
    await pause(0.2)
    (passed,) = (await verdict(greylists[1], "a@client.example")).results
    assert passed.seconds >= 0.2
    assert await verdict(greylists[0], "a@client.example") is None
    assert await verdict(greylists[0], "other@client.example") is None


async def test_it_is_killed_and_restarted(redis, connect, logged_failures):
    server = redis()
    store = connect(server)
    assert await store.take("a", 2, 60) == 0
    server.kill()
    assert (await failure(store)).startswith(f"redis {server.endpoint}: ")
    assert (await failure(store, within=0.4)).startswith(f"redis {server.endpoint}: ")
    server.start()
    await pause(RETRY)
    assert await store.take("a", 2, 60) == 0
    server.kill()
    server.start()  # before the store has noticed, or just after
    await pause(0.05)
    assert await store.take("a", 2, 60) == 0


async def test_it_hangs(redis, connect):
    server = redis()
    store = connect(server, timeout=0.5)
    assert await store.take("a", 9, 60) == 0
    server.signal(signal.SIGSTOP)
    assert "no answer within 0.5 seconds" in await failure(store)
    assert "no answer within 0.5 seconds" in await failure(store, within=0.4)
    await pause(RETRY)
    assert "no answer within 0.5 seconds" in await failure(store)
    server.signal(signal.SIGCONT)
    await pause(RETRY)
    assert await store.take("a", 9, 60) == 0


async def test_it_hangs_from_the_beginning(redis, connect):
    server = redis()
    server.signal(signal.SIGSTOP)
    assert "no answer within 0.5 seconds" in await failure(connect(server, timeout=0.5))


@pytest.mark.parametrize(
    ("on_failure", "first", "second"),
    [
        ("defer", "451 4.7.1 Service unavailable, try again later", "451 4.7.1 Service unavailable, try again later"),
        ("reject", "550 5.7.1 Rejected, since a filter is not available", "550 5.7.1 "),
        ("accept", "250 2.1.5 Recipient ok", "250 2.1.5 Recipient ok"),
    ],
)
async def test_a_greylist_whose_redis_is_killed(redis, connect, on_failure, first, second):
    """The policy of the filter holds, for this connection; the next connection uses the new Redis."""
    server = redis()
    greylist = ConfiguredFilter(Greylist(connect(server)), on_failure=on_failure)
    backend = FilterBackend(MemoryBackend(), greylist, reactor=Clock())

    async def ask(client: Conversation, *lines: str) -> list[str]:
        client.ask(*lines)
        await pause(0.2)
        return client.replies()

    def client() -> Conversation:
        made = Conversation(backend)
        made.protocol.dialog.connection.peer = IPv4Address("TCP", "192.0.2.1", 4000)
        made.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
        return made

    one = client()
    assert await ask(one, "RCPT TO:<b@localhost>") == ["451 4.7.1 Greylisted, try again in 300 s"]
    server.kill()
    assert await ask(one, "RCPT TO:<c@localhost>") == [first]
    server.start()
    await pause(RETRY)
    (reply,) = one.ask("RCPT TO:<d@localhost>")
    assert reply.startswith(second)
    one.hang_up()
    two = client()
    assert await ask(two, "RCPT TO:<d@localhost>") == ["451 4.7.1 Greylisted, try again in 300 s"]
    two.hang_up()


async def test_passwords(redis, connect):
    server = redis("--requirepass", "secret")
    assert "NOAUTH" in await failure(connect(server))
    wrong = connect(server, password="wrong")
    assert "WRONGPASS" in await failure(wrong)
    assert await connect(server, password="secret").take("a", 1, 60) == 0
    assert "WRONGPASS" in await failure(connect(server, username="me", password="secret"))


async def test_a_password_that_is_corrected(redis, connect):
    """After a failed login the store tries again; the library alone would not."""
    server = redis()
    store = connect(server, username="me", password="secret")
    assert "WRONGPASS" in await failure(store)
    assert server.command("ACL", "SETUSER", "me", "on", ">secret", "~txsmtpx:*", *COMMANDS) == "+OK"
    await pause(RETRY)
    assert await store.take("a", 1, 60) == 0
    assert await store.take("a", 1, 60) > 0
    await store.note("seen", "owner", "name", DAY, renew=True)
    await store.note("seen", "owner", "name", DAY)
    assert (await store.look("seen", "owner", "name", DAY)).number == 1
    assert "NOPERM" in await failure(connect(server, username="me", password="secret", prefix="other:"))


async def test_tls(redis, connect, tmp_path):
    pem, port = issue(tmp_path), free_port()
    certificate = f"--tls-cert-file {pem.certificate} --tls-key-file {pem.key} --tls-ca-cert-file {pem.certificate}"
    redis("--tls-port", str(port), "--tls-auth-clients", "no", *certificate.split())
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted/redis.pem").write_bytes(pem.certificate.read_bytes())
    store = RedisStore(f"tls:localhost:{port}:trustRoots={tmp_path}/trusted")
    assert await store.take("a", 1, 60) == 0
    store.close()
    assert "certificate" in await failure(RedisStore(f"tls:localhost:{port}"))


async def test_databases(redis, connect):
    server = redis()
    stores = [connect(server, database=number) for number in (0, 3)]
    assert [await store.take("a", 1, 60) for store in stores] == [0, 0]
    assert await connect(server, database=3).take("a", 1, 60) > 0
    assert "out of range" in await failure(connect(server, database=99))


async def test_no_memory_is_left(redis, connect):
    server = redis()
    store = connect(server)
    assert await store.take("a", 9, 60) == 0
    assert server.command("CONFIG", "SET", "maxmemory", "1") == "+OK"
    assert "OOM" in await failure(store)
    assert "OOM" in await failure(connect(server))
    assert server.command("CONFIG", "SET", "maxmemory", "0") == "+OK"
    await pause(RETRY)
    assert await store.take("a", 9, 60) == 0


async def test_it_becomes_a_replica(redis, connect):
    server = redis()
    store = connect(server)
    assert await store.take("a", 9, 60) == 0
    assert server.command("REPLICAOF", "127.0.0.1", "1") == "+OK"
    assert "READONLY" in await failure(store)
    assert server.command("REPLICAOF", "NO", "ONE") == "+OK"
    await pause(RETRY)
    assert await store.take("a", 9, 60) == 0


async def test_a_key_of_another_program(redis, connect):
    server = redis()
    store = connect(server)
    server.command("LPUSH", "txsmtpx:limit:failing", "1")
    assert "WRONGTYPE" in await failure(store)
    assert await store.take("b", 1, 60) == 0
    server.command("SET", "txsmtpx:limit:failing", "text")
    assert "redis" in await failure(store)


async def test_its_scripts_are_flushed(redis, connect):
    server = redis()
    store = connect(server)
    for _ in range(2):
        assert await store.take("a", 9, 60) == 0
        assert server.command("SCRIPT", "FLUSH") == "+OK"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n", b"\xff\xfe\r\n"])
async def test_another_program_listens(directory, answer, logged_failures):
    class Other(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(answer)

    factory = Factory.forProtocol(Other)
    factory.noisy = False
    endpoint = f"unix:{directory}/other.sock"
    port = await serverFromString(reactor, endpoint).listen(factory)
    assert endpoint in await failure(RedisStore(endpoint, timeout=0.5))
    await port.stopListening()
    logged_failures.flush()
