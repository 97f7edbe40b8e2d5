"""``memory`` keeps what it is given, ``null`` nothing."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref

import pytest
from twisted.internet.task import Clock

from txsmtpx import Accept, Filter, FilterBackend, MemoryBackend, Quarantine
from txsmtpx.backends.plugins import backend_named
from txsmtpx.backends.received import Received
from txsmtpx.filters.greylist import PassedGreylist
from txsmtpx.testing import Conversation


def say(backend, *lines, **settings):
    client = Conversation(backend, **settings)
    said = client.ask(*lines)
    client.hang_up()
    return said


def test_all_of_a_message():
    backend = MemoryBackend()
    hello = ("EHLO a", "MAIL FROM:<a@client.example> SIZE=7 BODY=8BITMIME", "RCPT TO:<b@localhost>", "RCPT TO:<c@d>")
    said = say(backend, *hello, "DATA", "Subject: hi", "", "body", ".")
    (message,) = backend.messages
    assert (message.sender, message.recipients) == ("a@client.example", ("b@localhost", "c@d"))
    assert message.content == b"Subject: hi\r\n\r\nbody\r\n"
    assert message.message["Subject"] == "hi"
    assert message.message.get_content() == "body\r\n"
    assert (message.options.size, message.options.body) == (7, "8BITMIME")
    assert len(message.recipient_options) == 2
    assert said[-1] == f"250 2.0.0 Ok: queued as {message.queue_id}"
    assert message.username is None


def test_the_facts_of_filters():
    """Those of the connection, and those of the message; not those of the message before."""

    class Finding(Filter):
        number = 0

        def connected(self, connection):
            return Accept(results=[PassedGreylist(7)])

        def end(self, size):
            Finding.number += 1
            return Accept([("X-Number", f"{Finding.number}")], [Quarantine("odd")] if self.number == 1 else [])

    backend = MemoryBackend()
    mail = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", ".")
    say(FilterBackend(backend, Finding, hold=True, reactor=Clock()), "EHLO a", *mail, *mail)
    assert [message.facts for message in backend.messages] == [
        {"greylisted": 7, "quarantine": "odd", "added": "X-Number: 1"},
        {"greylisted": 7, "added": "X-Number: 2"},
    ]
    say(backend, "EHLO a", *mail)
    assert backend.messages[-1].facts == {}


def test_messages_cannot_be_changed():
    backend = MemoryBackend()
    say(backend, "EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", ".")
    with pytest.raises(dataclasses.FrozenInstanceError):
        backend.messages[0].sender = "someone else"


def test_in_order_and_only_what_is_whole():
    backend = MemoryBackend()
    message = ("RCPT TO:<b@localhost>", "DATA", ".")
    say(backend, "EHLO a", "MAIL FROM:<1@a>", *message, "MAIL FROM:<2@a>", *message, "MAIL FROM:<3@a>", *message[:2])
    assert [each.sender for each in backend.messages] == ["1@a", "2@a"]


def test_two_backends_do_not_share():
    one, other = MemoryBackend(), MemoryBackend()
    say(one, "EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", ".")
    assert (len(one.messages), len(other.messages)) == (1, 0)


def send(backend, *senders, body=(), **settings):
    message = ("RCPT TO:<b@localhost>", "DATA", *body, ".")
    say(backend, "EHLO a", *(line for sender in senders for line in (f"MAIL FROM:<{sender}>", *message)), **settings)


def senders(backend):
    return [each.sender for each in backend.messages]


def test_where_and_when_it_came_from():
    backend = MemoryBackend(now=lambda: 1700000000.0)
    send(backend, "a@b")
    (message,) = backend.messages
    assert (message.arrived, message.helo, message.protocol) == (1700000000.0, "a", "ESMTP")
    assert message.peer_host == "192.168.1.1"


def test_a_message_is_parsed_once_while_it_is_used():
    """And is not kept parsed when it is not: that would take many times the memory."""
    backend = MemoryBackend()
    send(backend, "a@b", body=["Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=", ""])
    (message,) = backend.messages
    assert message.message is message.message
    assert message.message["Subject"] == "grüße"
    parsed = message.message
    parsed["X-Seen"] = "yes"
    assert message.message["X-Seen"] == "yes"
    gone = weakref.ref(parsed)
    del parsed
    gc.collect()
    assert gone() is None
    assert message.message["X-Seen"] is None


def test_a_message_can_be_pickled_and_compared():
    backend = MemoryBackend()
    send(backend, "a@b", body=["Subject: x", ""])
    (message,) = backend.messages
    parsed = message.message
    copied = pickle.loads(pickle.dumps(message))
    assert copied == message
    assert copied.message["Subject"] == parsed["Subject"] == "x"


def test_numbers_are_never_given_twice():
    backend = MemoryBackend()
    send(backend, "1@a", "2@a", "3@a")
    backend.delete(3)
    assert senders(backend) == ["1@a", "2@a"]
    backend.clear()
    send(backend, "4@a")
    assert [(each.id, each.sender) for each in backend.messages] == [(4, "4@a")]


def test_one_is_found_by_its_number():
    backend = MemoryBackend()
    send(backend, "1@a", "2@a")
    assert backend.get(2) is backend.messages[1]
    backend.delete(1)
    for number in (0, 1, 3):
        with pytest.raises(KeyError):
            backend.get(number)
        with pytest.raises(KeyError):
            backend.delete(number)
    assert senders(backend) == ["2@a"]


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"max_messages": 2}, ["3@a", "4@a"]),
        ({"max_messages": 1}, ["4@a"]),
        ({"max_octets": 35_000}, ["2@a", "3@a", "4@a"]),  # each has 10,000, and takes less than 1,700 besides
        ({"max_octets": 1}, ["4@a"]),
        ({"max_octets": None, "max_messages": None}, ["1@a", "2@a", "3@a", "4@a"]),
    ],
)
def test_the_oldest_go(bounds, kept):
    backend = MemoryBackend(**bounds)
    send(backend, "1@a", "2@a", "3@a", "4@a", body=["x" * 98] * 100)
    assert senders(backend) == kept


def test_what_is_deleted_makes_room():
    backend = MemoryBackend(max_octets=25_000)
    send(backend, "1@a", "2@a", body=["x" * 98] * 100)
    backend.delete(1)
    send(backend, "3@a", body=["x" * 98] * 100)
    assert senders(backend) == ["2@a", "3@a"]


def copied(text):
    return "".join(list(text))


def test_a_subscriber_may_hold_more():
    """What it keeps for a message counts until the message is deleted."""
    backend = MemoryBackend(max_octets=50_000)
    send(backend, "1@a", "2@a", "3@a", body=["x" * 98] * 100)
    backend.hold(3, 10_000)
    assert senders(backend) == ["1@a", "2@a", "3@a"]
    backend.hold(3, 10_000)
    assert senders(backend) == ["2@a", "3@a"]
    backend.hold(3, -15_000)
    send(backend, "4@a", body=["x" * 98] * 100)
    assert senders(backend) == ["2@a", "3@a", "4@a"]
    backend.hold(4, 1_000_000)
    assert senders(backend) == ["4@a"]
    backend.delete(4)
    send(backend, "5@a", "6@a", body=["x" * 98] * 100)
    assert senders(backend) == ["5@a", "6@a"]
    with pytest.raises(KeyError):
        backend.hold(4, 1)


def test_those_that_came_later():
    backend = MemoryBackend()
    send(backend, "1@a", "2@a", "3@a")
    backend.delete(2)
    assert backend.numbers == [1, 3]
    assert [1 in backend, 2 in backend] == [True, False]
    assert [each.id for each in backend.newer(0)] == [1, 3]
    assert [each.id for each in backend.newer(1)] == [each.id for each in backend.newer(2)] == [3]
    assert backend.newer(3) == []


@pytest.mark.parametrize("bounds", [{"max_messages": 0}, {"max_octets": -1}])
def test_nothing_is_no_bound(bounds):
    with pytest.raises(ValueError, match="keep at least one, not"):
        MemoryBackend(**bounds)


def test_subscribers_are_told():
    backend = MemoryBackend(max_messages=2)
    told = []

    def subscriber(change, message):
        assert isinstance(message, Received)
        told.append((change, message.id, senders(backend)))

    backend.subscribe(subscriber)
    send(backend, "1@a", "2@a", "3@a")
    backend.clear()
    assert told == [
        ("arrived", 1, ["1@a"]),
        ("arrived", 2, ["1@a", "2@a"]),
        ("arrived", 3, ["1@a", "2@a", "3@a"]),
        ("deleted", 1, ["2@a", "3@a"]),
        ("deleted", 2, ["3@a"]),
        ("deleted", 3, []),
    ]
    backend.unsubscribe(subscriber)
    send(backend, "4@a")
    assert len(told) == 6
    with pytest.raises(ValueError, match="not in list"):
        backend.unsubscribe(subscriber)


def test_a_subscriber_that_fails_hurts_nobody(logged_failures):
    backend, told = MemoryBackend(), []

    def fails(change, message):
        backend.unsubscribe(fails)
        raise ZeroDivisionError

    backend.subscribe(fails)
    backend.subscribe(lambda change, message: told.append(message.sender))
    send(backend, "1@a", "2@a")
    assert told == senders(backend) == ["1@a", "2@a"]
    assert len(logged_failures.flush(ZeroDivisionError)) == 1


def test_how_many_is_said_behind_the_name():
    backend = backend_named("memory:2")
    send(backend, "1@a", "2@a", "3@a")
    assert senders(backend) == ["2@a", "3@a"]


@pytest.mark.parametrize("number", ["0", "-1", "x", "²"])
def test_no_number_of_messages(number):
    with pytest.raises(ValueError, match=r"keep|memory:NUMBER"):
        backend_named(f"memory:{number}")
