"""The backend of a stream in memory: 250 after the confirmation, 451 otherwise, and nothing is left behind."""

from __future__ import annotations

import errno

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.stores.redis_endpoint import Redis
from txsmtpx.backends import redis_settings
from txsmtpx.backends.redis import RedisBackend
from txsmtpx.testing import Conversation

MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")


class Served:
    """A server with the backend, one client of it, and the Redis behind it."""

    def __init__(self, lmtp=False, **how):
        self.clock, self.redis = Clock(), Redis()
        self.backend = RedisBackend(
            "redis://localhost", endpoint=self.redis, in_thread=how.pop("in_thread", maybeDeferred),
            reactor=self.clock, **{"fsync": "assumed", **how},
        )  # fmt: skip
        self.client = Conversation(self.backend, clock=self.clock, lmtp=lmtp)
        self.client.ask("LHLO a" if lmtp else "EHLO a")

    def begin(self):
        """Go on to the body."""
        self.client.ask(*MAIL)

    def ask(self, *lines):
        return [line[:9] for line in self.client.ask(*lines)]

    def end(self):
        self.backend.close()
        self.client.hang_up()
        assert self.clock.getDelayedCalls() == []


def test_the_reply_waits_for_redis():
    it = Served()
    it.begin()
    assert it.ask("hello", ".") == []
    (command,) = it.redis.commands()
    assert command[:3] == ["XADD", "mail", "*"]
    assert command[-2:] == ["content", "hello\r\n"]
    it.redis.answer("$3", "1-0")
    assert [line[:9] for line in it.client.replies()] == ["250 2.0.0"]
    it.end()


def test_under_lmtp_each_recipient_has_it():
    it = Served(lmtp=True)
    it.client.ask(*MAIL[:2], *MAIL[1:])
    it.client.ask("hello", ".")
    it.redis.answer("$3", "1-0")
    assert [line[:9] for line in it.client.replies()] == ["250 2.0.0"] * 2
    it.end()


def test_redis_refuses_it():
    it = Served()
    it.begin()
    it.ask("hello", ".")
    with capturedLogs() as events:
        it.redis.answer("-OOM secret of Redis")
    (reply,) = it.client.replies()
    assert reply.startswith("451 4.3.0 ")
    assert "OOM" not in reply
    assert any("not stored: redis " in formatEvent(event) and "OOM" in formatEvent(event) for event in events)
    it.end()


def test_without_redis_no_body_is_read():
    it = Served()
    it.redis.connecting = fail(ConnectionRefusedError())
    it.client.ask(*MAIL)
    assert it.ask("hello", ".") == ["451 4.3.0"]
    it.end()


def test_a_client_that_goes_while_it_connects():
    it = Served()
    it.redis.connecting = Deferred()
    client = Conversation(it.backend)
    client.ask("EHLO a", *MAIL, "hello")
    client.hang_up()
    it.clock.advance(10)
    it.end()


@pytest.mark.parametrize("ended", [False, True])
def test_a_client_that_goes(ended, tmp_path):
    it = Served(inline=10, bodies=str(tmp_path))
    client = Conversation(it.backend)
    client.ask("EHLO a", *MAIL)
    client.send(b"hello hello hello\r\n" + b".\r\n" * ended)
    client.hang_up()
    assert len(list(tmp_path.iterdir())) == ended  # Redis may have the entry that refers to it
    it.end()


@pytest.mark.parametrize(("answer", "kept"), [("-OOM command not allowed", 0), (None, 1), ("$3", 1)])
def test_the_file_of_a_body_that_redis_does_not_have(answer, kept, tmp_path):
    """It is removed if Redis has refused the entry, and kept if Redis may have it."""
    it = Served(inline=1, bodies=str(tmp_path))
    it.begin()
    it.ask("hello", ".")
    assert len(list(tmp_path.iterdir())) == 1
    if answer is None:
        it.clock.advance(10)
    else:
        it.redis.answer(answer, *(["1-0"] if answer == "$3" else []))
    assert [line[:3] for line in it.client.replies()] == ["250" if answer == "$3" else "451"]
    assert len(list(tmp_path.iterdir())) == kept
    it.end()


def test_what_a_client_leaves_behind_counts_until_redis_answers(monkeypatch):
    monkeypatch.setattr("txsmtpx.backends.redis.HELD", 10)
    it = Served()
    gone = Conversation(it.backend)
    gone.ask("EHLO a", *MAIL, "1234567", ".")
    it.begin()
    gone.hang_up()
    it.redis.commands()
    it.ask("1234567", ".")
    assert it.redis.commands() == []
    it.redis.answer("$3", "1-0")
    assert len(it.redis.commands()) == 1
    it.redis.answer("$3", "2-0")
    assert [line[:3] for line in it.client.replies()] == ["250"]
    it.end()


@pytest.mark.parametrize("size", [8, 9])
def test_the_longest_body(size):
    it = Served(inline=10)
    it.begin()
    replies = it.ask("x" * size, ".")
    if size == 8:
        assert len(it.redis.commands()[0][-1]) == 10
    else:
        assert (replies, it.redis.commands()) == (["552 5.3.4"], [])
    it.end()


@pytest.mark.parametrize(("size", "code"), [(10, "250"), (11, "552")])
def test_the_size_that_a_client_announces(size, code, tmp_path):
    it = Served(inline=10)
    assert it.ask(f"MAIL FROM:<a@client.example> SIZE={size}")[0][:3] == code
    it.end()
    it = Served(inline=10, bodies=str(tmp_path))
    assert it.ask(f"MAIL FROM:<a@client.example> SIZE={size}")[0][:3] == "250"
    it.end()


def test_a_directory_that_is_full(tmp_path):
    def full(function, *args):
        return maybeDeferred(function, *args) if "discard" in repr(function) else fail(OSError(28, "No space left"))

    it = Served(inline=1, bodies=str(tmp_path), in_thread=full)
    it.begin()
    assert it.ask("hello", ".") == ["452 4.3.1"]
    assert it.redis.commands() == []
    it.end()


def test_bodies_wait_for_each_other(monkeypatch):
    """What is on its way to Redis has a limit."""
    monkeypatch.setattr("txsmtpx.backends.redis.HELD", 10)
    it = Served()
    other = Conversation(it.backend)
    it.begin()
    other.ask("EHLO a", *MAIL)
    it.ask("1234567", ".")
    assert len(it.redis.commands()) == 1
    other.ask("1234567", ".")
    assert it.redis.commands() == []
    it.redis.answer("$3", "1-0")
    assert len(it.redis.commands()) == 1
    it.redis.answer("$3", "2-0")
    assert [line[:3] for line in (*it.client.replies(), *other.replies())] == ["250", "250"]
    other.hang_up()
    it.end()


def test_a_body_that_cannot_be_read_takes_nothing_of_the_limit(monkeypatch):
    def content(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("txsmtpx.backends.redis.HELD", 10)
    it = Served()
    it.begin()
    with monkeypatch.context() as patched:
        patched.setattr("txsmtpx.backends.received_body.ReceivedBody.content", content)
        assert it.ask("1234567", ".") == ["452 4.3.1"]
    it.begin()
    it.ask("1234567", ".")
    assert len(it.redis.commands()) == 1
    it.redis.answer("$3", "1-0")
    assert [line[:3] for line in it.client.replies()] == ["250"]
    it.end()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "http://me:secret@localhost"}, "the URL of a Redis begins with redis:, rediss: or unix:"),
        ({"stream": ""}, "stream must be 1 to 200 characters, not ''"),
        ({"fsync": "maybe"}, "fsync must be checked, assumed or none, not 'maybe'"),
        ({"replicas": -1}, "replicas must be "),
        ({"inline": 0}, "inline must be "),
        ({"timeout": 0}, "timeout must be "),
        ({"bodies": "/nowhere/at/all"}, "/nowhere/at/all is no directory; create it"),
    ],
)
def test_what_cannot_be_used(arguments, error):
    with pytest.raises(ValueError, match=error) as raised:
        RedisBackend(**{"url": "redis://localhost", **arguments})
    assert "secret" not in str(raised.value)


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="RedisBackend has no argument strean; did you mean stream"):
        RedisBackend("redis://localhost", strean="mail")


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr("txsmtpx.stores.redis_connection.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"txredisapi is not installed: pip install 'txsmtpx\[redis\]'"):
        RedisBackend("redis://localhost")


@pytest.mark.parametrize("works", [False, True])
def test_the_question_of_check(works):
    it = Served(fsync="checked")
    found = []
    Deferred.fromCoroutine(it.backend.ask()).addBoth(found.append)
    if works:
        it.redis.bulk("appendonly", "yes", "appendfsync", "always")
        it.redis.bulk()
        it.redis.persists()
        assert found[0].endswith(" can be used")
    else:
        it.redis.answer("-NOAUTH Authentication required", "-NOAUTH Authentication required")
        assert str(found[0].value).endswith("NOAUTH Authentication required")
    it.end()


def test_each_setting_is_an_argument():
    given = {each.name: each.default for each in redis_settings.OF_BACKEND}
    assert RedisBackend("redis://localhost", **given)
