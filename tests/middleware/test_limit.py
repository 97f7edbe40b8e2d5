"""So much from each, and no more until time has gone by."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock

from txsmtpx import Connection, LimitBackend, SMTPError
from txsmtpx.middleware.limit import Buckets
from txsmtpx.testing import Conversation, RecordingBackend

TOO_MUCH = "450 4.7.1 Too much mail, try again later"


def test_a_bucket_is_full_at_first_and_fills_again():
    clock = Clock()
    buckets = Buckets(3, 30, clock)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    clock.advance(9.9)
    assert not buckets.take("a")
    clock.advance(0.2)
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    clock.advance(3600)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_who_was_silent_for_longest_is_forgotten():
    buckets = Buckets(1, 10, Clock(), most=2)
    assert [buckets.take(name) for name in "abab"] == [True, True, False, False]
    assert buckets.take("c")
    assert not buckets.take("b")
    assert buckets.take("a")


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
