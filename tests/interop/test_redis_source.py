"""A real Redis as the source of a consumer: each message is handled, whoever dies in between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.interop.conftest import need
from tests.interop.redis_server import RedisServer
from txsmtpx.backends.envelope_fields import EnvelopeFields, EnvelopeRecipient
from txsmtpx.backends.redis_entry import entry_of
from txsmtpx.consume import Consumer, PartlyHandled, Reject
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.consume.redis_source import RedisSource

pytestmark = pytest.mark.system

TO = ("one@example.org", "two@example.org", "three@example.org")


@pytest.fixture(scope="module")
def server(room: Callable[[str], Path]) -> Iterator[RedisServer]:
    """A Redis, which a test may kill."""
    need("redis")
    made = RedisServer(room("source"), "--appendonly", "yes", "--appendfsync", "always")
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.ask("FLUSHALL")


def add(server: RedisServer, *names: str, body_file: str = "") -> None:
    """Add messages to the stream, as the backend does."""
    for name in names:
        envelope = EnvelopeFields(
            queue_id=name, sender="a@client.example", recipients=tuple(map(EnvelopeRecipient, TO)),
            received=datetime(2026, 1, 31, tzinfo=UTC), protocol="ESMTP", domain="mx.example.org",
        )  # fmt: skip
        entry = entry_of(envelope, f"Subject: {name}\r\n\r\n5".encode(), body_file)
        server.ask("XADD", "mail", "*", *(word for pair in entry.items() for word in pair))


class Handled(list[tuple[str, int]]):
    """A handler that keeps the names and attempts of messages, and answers as a test wants."""

    def __init__(self, *answers: object) -> None:
        super().__init__()
        self.messages: list[QueuedMessage] = []
        self._answers = list(answers)

    def __call__(self, message: QueuedMessage) -> object:
        self.append((message.envelope.queue_id, message.attempt))
        self.messages.append(message)
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def until(self, number: int) -> None:
        """Wait for a number of calls."""
        while len(self) < number:
            await pause(0.02)


@contextlib.asynccontextmanager
async def consuming(server: RedisServer, handler: Handled, **how: Any) -> AsyncIterator[Consumer]:
    """A consumer that runs."""
    of_source = {name: how.pop(name) for name in ("idle", "bodies", "timeout") if name in how}
    source = RedisSource(f"unix://{server.socket}", **of_source)
    consumer = Consumer(source, handler, **{"delays": (0.1,), "grace": 0.2, **how})
    consumer.startService()
    try:
        yield consumer
    finally:
        await consumer.stopService()


async def pause(seconds: float) -> None:
    await deferLater(reactor, seconds, lambda: None)


async def settled(server: RedisServer) -> None:
    """Wait until no message is left."""
    while server.ask("XLEN", "mail") or server.ask("ZCARD", "mail.retry"):
        await pause(0.02)


async def test_messages_are_handled_and_deleted(server):
    handler = Handled()
    add(server, "before")
    async with consuming(server, handler):
        await handler.until(1)
        add(server, "after")
        await handler.until(2)
        await settled(server)
    assert handler == [("before", 1), ("after", 1)]
    message = handler.messages[0]
    assert (message.id, message.content()) == ("before@mx.example.org", b"Subject: before\r\n\r\n5")
    assert [each.address for each in message.envelope.recipients] == list(TO)
    assert server.ask("XINFO", "CONSUMERS", "mail", "mail") == []


async def test_no_more_than_the_limit_at_a_time(server):
    handler = Handled(*(Deferred() for _ in range(3)))
    answers = list(handler._answers)
    add(server, *"abcde")
    async with consuming(server, handler, concurrency=3):
        await handler.until(3)
        await pause(0.3)
        assert len(handler) == 3
        answers[0].callback(None)
        await handler.until(5)
        for each in answers[1:]:
            each.callback(None)
        await settled(server)


async def test_a_failed_attempt_is_made_again_and_the_last_one_is_a_dead_letter(server, logged_failures):
    handler = Handled(*(ZeroDivisionError("no") for _ in range(3)))
    add(server, "bad", "good")
    async with consuming(server, handler, max_attempts=2, concurrency=1):
        await handler.until(4)
        await settled(server)
    assert sorted(handler) == [("bad", 1), ("bad", 2), ("good", 1), ("good", 2)]
    (dead,) = server.entries("mail.dead")
    assert (dead["queue_id"], dead["attempts"], dead["reason"]) == (b"bad", b"2", b"ZeroDivisionError: no")
    assert dead["content"] == b"Subject: bad\r\n\r\n5"
    assert len(logged_failures.flush(ZeroDivisionError)) == 3


async def test_it_is_not_made_again_before_its_time(server, logged_failures):
    handler = Handled(ZeroDivisionError())
    add(server, "bad")
    async with consuming(server, handler, delays=(60,)):
        await handler.until(1)
        while not server.ask("ZCARD", "mail.retry"):
            await pause(0.02)
        assert server.ask("XLEN", "mail") == 0
        ((_, due),) = zip(*[iter(server.ask("ZRANGE", "mail.retry", 0, -1, "WITHSCORES"))] * 2, strict=True)
        seconds, microseconds = map(int, server.ask("TIME"))
        assert float(due) / 1000 - seconds - microseconds / 1e6 == pytest.approx(60, abs=2)
        await pause(1.2)
    assert handler == [("bad", 1)]
    logged_failures.flush(ZeroDivisionError)


async def test_a_rejected_message(server):
    add(server, "bad")
    handler = Handled(Reject("never"))
    async with consuming(server, handler):
        await handler.until(1)
        await settled(server)
    (dead,) = server.entries("mail.dead")
    assert (dead["reason"], dead["attempts"]) == (b"never", b"1")


async def test_some_recipients(server, tmp_path):
    """One is tried again, one is given up, and one is done; a body in a file has two names then."""
    (tmp_path / f"{'a' * 32}.eml").write_bytes(b"long")
    add(server, "part", body_file=f"{'a' * 32}.eml")
    handler = Handled(PartlyHandled("452 Full", again=[2], rejected=[0]))
    async with consuming(server, handler, bodies=str(tmp_path)):
        await handler.until(2)
        await settled(server)
        while (tmp_path / f"{'a' * 32}.eml").exists():
            await pause(0.02)
    assert [[each.address for each in message.envelope.recipients] for message in handler.messages] == [
        list(TO), ["three@example.org"],
    ]  # fmt: skip
    (dead,) = server.entries("mail.dead")
    assert dead["recipients"] == b'["one@example.org"]'
    assert (tmp_path / dead["body_file"].decode()).read_bytes() == b"long"
    assert handler.messages[1].id == handler.messages[0].id


async def test_a_stopped_consumer_returns_its_messages(server):
    add(server, "slow")
    slow = Handled(Deferred())
    async with consuming(server, slow, grace=0.1):
        await slow.until(1)
    handler = Handled()
    async with consuming(server, handler):
        await handler.until(1)
        await settled(server)
    assert handler == [("slow", 1)]


CONSUMER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from txsmtpx.consume import Consumer
from txsmtpx.consume.redis_source import RedisSource

def handle(message):
    print("has", message.envelope.queue_id, flush=True)
    return Deferred()

Consumer(RedisSource(sys.argv[1], idle=1), handle).startService()
reactor.run()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_consumer_is_killed(server, end):
    """Or hangs: another one has its message after a time, as a further attempt."""
    add(server, "held")
    process = subprocess.Popen(
        [sys.executable, "-c", CONSUMER, f"unix://{server.socket}"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "has held\n"
        handler = Handled()
        async with consuming(server, handler, idle=1):
            await pause(1.5)
            assert handler == []  # the other consumer renews it
            process.send_signal(end)
            await handler.until(1)
            await settled(server)
        assert handler == [("held", 2)]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_redis_is_killed(server):
    """While a handler runs: the message comes again, or its settlement does."""
    answers = Deferred(), Deferred()
    handler = Handled(*answers)
    add(server, "one")
    async with consuming(server, handler, idle=1):
        await handler.until(1)
        server.kill()
        answers[0].callback(None)
        await pause(0.2)
        server.start()
        add(server, "two")
        await handler.until(2)
        answers[1].callback(None)
        await settled(server)
    assert {name for name, _ in handler} == {"one", "two"}


async def test_the_stream_is_deleted(server):
    handler = Handled()
    async with consuming(server, handler):
        add(server, "one")
        await handler.until(1)
        await settled(server)
        server.ask("DEL", "mail")
        add(server, "two")
        await handler.until(2)
        await settled(server)


async def test_redis_is_full(server):
    """A consumer still handles messages, which makes room; what is tried again returns when there is room."""
    handler = Handled(PartlyHandled("later", again=[0]))
    add(server, "first")
    async with consuming(server, handler, delays=(1.5,)):
        await handler.until(1)
        while not server.ask("ZCARD", "mail.retry"):
            await pause(0.02)
    add(server, "one", "two")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    async with consuming(server, handler):
        try:
            await handler.until(3)
            while server.ask("XLEN", "mail"):
                await pause(0.02)
            await pause(1.5)
            assert server.ask("ZCARD", "mail.retry") == 1
        finally:
            server.ask("CONFIG", "SET", "maxmemory", "0")
        await handler.until(4)
        await settled(server)


async def test_an_entry_of_another_program(server):
    server.ask("XADD", "mail", "*", "hello", "\xff")
    add(server, "good")
    handler = Handled()
    async with consuming(server, handler):
        await handler.until(1)
        await settled(server)
    assert handler == [("good", 1)]
    (dead,) = server.entries("mail.dead")
    assert dead["reason"] == b"the envelope lacks the field queue_id"


async def test_a_body_in_a_directory_that_the_consumer_does_not_have(server, tmp_path):
    """The message stays, for a consumer that has the directory."""
    (tmp_path / f"{'a' * 32}.eml").write_bytes(b"long")
    add(server, "long", body_file=f"{'a' * 32}.eml")
    async with consuming(server, Handled(), idle=0.5):
        await pause(0.3)
    assert server.ask("XLEN", "mail") == 1
    handler = Handled()
    async with consuming(server, handler, idle=0.5, bodies=str(tmp_path)):
        await handler.until(1)
        await settled(server)
        while (tmp_path / f"{'a' * 32}.eml").exists():
            await pause(0.02)
    assert handler.messages[0].envelope.queue_id == "long"


async def test_the_command_hands_messages_to_a_backend(server, tmp_path):
    add(server, "one", "two")
    command = [sys.executable, "-m", "txsmtpx.consume", f"redis:unix:{server.socket} stream=mail idle=5"]
    process = subprocess.Popen(
        [*command, "--to", f"maildir:{tmp_path}/{{local}}"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        while server.ask("EXISTS", "mail") and server.ask("XLEN", "mail"):
            assert process.poll() is None, process.stdout.read()
            await pause(0.05)
        process.terminate()
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert "Traceback" not in output, output
    for recipient in ("one", "two", "three"):
        stored = [file.read_bytes() for file in (tmp_path / recipient / "new").iterdir()]
        assert sorted(octets.rpartition(b"Subject: ")[2] for octets in stored) == [b"one\r\n\r\n5", b"two\r\n\r\n5"]
