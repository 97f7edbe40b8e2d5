"""So much from each, and no more until time has gone by."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsmtpx import Connection, LimitBackend, MemoryBackend, SMTPError, StoreError
from txsmtpx.interfaces import OneProcessBackend, provides
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.testing import Conversation, RecordingBackend

TOO_MUCH = "450 4.7.1 Too much mail, try again later"


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (1, -1)])
def test_no_limit(numbers):
    with pytest.raises(ValueError, match="a limit is so many"):
        LimitBackend(RecordingBackend(), *numbers, clock=Clock())


@pytest.mark.parametrize("how", [{"by": "weather"}, {"of": "octets"}])
def test_no_such_limit(how):
    with pytest.raises(ValueError, match="not '"):
        LimitBackend(RecordingBackend(), 1, 1, clock=Clock(), **how)


def asked(limit, peer=None, username=None, sender="a@b", recipients=0):
    """What a connection is told at MAIL and its RCPTs, True for yes."""
    connection = Connection("1", "localhost", False)
    connection.peer, connection.username = peer, username
    session = limit.anonymous_login(connection)
    said = []
    for ask in [lambda: session.mail(sender, None)] + [lambda: session.rcpt("c@d", None)] * recipients:
        try:
            ask()
        except SMTPError as error:
            said.append(str(error) != TOO_MUCH)
        else:
            said.append(True)
    return said if recipients else said[0]


def ip(host):
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, 4000)


def test_by_host():
    limit = LimitBackend(RecordingBackend(), 1, 60, clock=Clock())
    assert [asked(limit, ip("192.0.2.1")) for _ in range(2)] == [True, False]
    assert asked(limit, ip("192.0.2.2"))
    assert not asked(limit, ip("::ffff:192.0.2.2"))
    assert asked(limit, ip("::ffff:192.0.2.3"))
    assert asked(limit, ip("2001:db8::1"))
    assert not asked(limit, ip("2001:db8::ffff:1"))  # who has one address of a network has them all
    assert asked(limit, ip("2001:db8:0:1::1"))
    assert asked(limit, ip("fe80::1%eth0"))
    assert not asked(limit, ip("fe80::1%eth1"))
    assert [asked(limit, UNIXAddress(b"/run/x")) for _ in range(3)] == [True] * 3


def test_by_login():
    limit = LimitBackend(RecordingBackend(), 1, 60, by="login", clock=Clock())
    assert [asked(limit, username="me") for _ in range(2)] == [True, False]
    assert asked(limit, username="you")
    assert [asked(limit) for _ in range(3)] == [True] * 3


def test_by_address():
    limit = LimitBackend(RecordingBackend(), 1, 60, by="address", clock=Clock())
    assert [asked(limit, sender=sender) for sender in ("a@b", "a@B", "c@b", "", "")] == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("sender", "same", "other"),
    [
        ("me@example.org", "ME@example.org", "mee@example.org"),
        ("me@b\u00fccher.example", "me@XN--BCHER-KVA.example", "me@bucher.example"),
        ("caf\u00e9@example.org", "cafe\u0301@example.org", "cafe@example.org"),
        ("mark@example.org", '"m\\ark"@example.org', "mar\u212a@example.org"),
        ("a@[192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]", "a@[192.0.2.2]"),
    ],
)
def test_a_mailbox_has_one_limit_however_it_is_written(sender, same, other):
    limit = LimitBackend(RecordingBackend(), 1, 60, by="address", clock=Clock())
    assert [asked(limit, sender=each) for each in (sender, same, other)] == [True, False, True]


def test_by_what_a_function_says():
    limit = LimitBackend(RecordingBackend(), 1, 60, by=lambda connection, sender: sender[:1] or None, clock=Clock())
    assert [asked(limit, sender=sender) for sender in ("a@b", "ab@c", "b@c")] == [True, False, True]


def test_recipients():
    clock = Clock()
    limit = LimitBackend(RecordingBackend(), 3, 3, of="recipients", clock=clock)
    assert asked(limit, ip("192.0.2.1"), recipients=4) == [True, True, True, True, False]
    clock.advance(1)
    assert asked(limit, ip("192.0.2.1"), recipients=2) == [True, True, False]


def test_in_a_conversation():
    clock = Clock()
    backend = RecordingBackend()
    client = Conversation(LimitBackend(backend, 1, 60, clock=clock), clock=clock)
    message = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", ".")
    assert client.ask("EHLO a", *message)[-1].startswith("250")
    assert client.ask(message[0]) == [TOO_MUCH]
    clock.advance(60)
    assert client.ask(*message)[-1].startswith("250")
    assert len(backend.messages) == 2
    client.hang_up()


class SharedStore(MemoryStore):
    """A store elsewhere, which answers when ``answer`` is called."""

    shared = True

    def __init__(self):
        super().__init__(reactor=Clock())
        self.names = []
        self._open = []

    def take(self, name, number, seconds):
        self.names.append(name)
        deferred = Deferred()
        self._open.append((deferred, super().take(name, number, seconds)))
        return deferred

    def answer(self, error=None):
        deferred, wait = self._open.pop(0)
        deferred.callback(wait) if error is None else deferred.errback(error)


def shared_conversation(**how):
    store = SharedStore()
    backend = RecordingBackend()
    return store, Conversation(LimitBackend(backend, 1, 60, store=store, **how), clock=Clock())


MAIL = "MAIL FROM:<a@client.example>"


def test_a_store_that_answers_later():
    store, client = shared_conversation(by="address")
    assert client.ask("EHLO a", MAIL)[-1].startswith("250 ")
    assert client.replies() == []
    store.answer()
    assert client.ask("RSET") == ["250 2.1.0 Sender ok", "250 2.0.0 Ok"]
    client.ask(MAIL)
    store.answer()
    assert client.ask("NOOP")[0] == TOO_MUCH
    assert store.names == ["address:messages:1/60:a@client.example"] * 2
    client.hang_up()


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [("accept", "250 2.1.0 Sender ok"), ("defer", "451 4.3.0 Rate limit unavailable, try again later")],
)
def test_a_store_that_cannot_be_used(on_failure, expected):
    store, client = shared_conversation(by="address", on_failure=on_failure)
    client.ask("EHLO a", MAIL)
    store.answer(StoreError("redis: no answer"))
    assert client.ask("NOOP")[0] == expected
    client.hang_up()


def test_a_fault_of_a_store_is_no_policy(logged_failures):
    store, client = shared_conversation(by="address")
    client.ask("EHLO a", MAIL)
    store.answer(ZeroDivisionError())
    assert client.ask("NOOP")[0].startswith("451 4.3.0 ")
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    client.hang_up()


def test_a_client_that_goes_while_the_store_works():
    store, client = shared_conversation(by="address")
    client.ask("EHLO a", MAIL)
    client.hang_up()
    store.answer()


def test_limits_that_differ_share_no_counts():
    store = MemoryStore(reactor=Clock())
    by_function = LimitBackend(
        RecordingBackend(), 2, 60, store=store, by=lambda connection, sender: sender, name="mine"
    )
    limits = [
        LimitBackend(RecordingBackend(), 1, 60, store=store, by="address"),
        LimitBackend(RecordingBackend(), 1, 3600, store=store, by="address"),
        LimitBackend(RecordingBackend(), 1, 3600, store=store, by="host"),
        by_function,
    ]
    assert [asked(limit, ip("192.0.2.1")) for limit in limits] == [True] * 4
    assert not asked(LimitBackend(RecordingBackend(), 1, 60, store=store, by="address"), ip("192.0.2.1"))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"by": lambda connection, sender: sender}, "a limit by a function in a store needs a name"),
        ({"clock": Clock()}, "a limit has a store or a clock, not both"),
        ({"on_failure": "reject"}, "on_failure must be 'accept' or 'defer', not 'reject'"),
    ],
)
def test_a_store_and_what_does_not_go_with_it(how, expected):
    with pytest.raises(ValueError, match=expected):
        LimitBackend(RecordingBackend(), 1, 60, store=MemoryStore(reactor=Clock()), **how)


def test_counts_of_one_process():
    """``--workers`` refuses them."""
    own = LimitBackend(RecordingBackend(), 1, 60, clock=Clock())
    shared = LimitBackend(RecordingBackend(), 1, 60, store=SharedStore())
    around_memory = LimitBackend(MemoryBackend(), 1, 60, store=SharedStore())
    assert [provides(limit, OneProcessBackend) for limit in (own, shared, around_memory)] == [True] * 3
    assert [limit.one_process for limit in (own, shared, around_memory)] == [True, False, True]
