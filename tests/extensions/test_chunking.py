"""BDAT (RFC 3030): each chunk waits for the reply to the one before, and what comes in small pieces is gathered."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.bodies import asynchronous
from txsmtpx import MailOptions, SMTPError
from txsmtpx.dialog.transfer import CHUNK, HOLD
from txsmtpx.testing import SILENCE, Outcome

TO = ["you@example.net"]
LINES = [b"line %d\r\n" % n for n in range(3000)]
EACH = pytest.mark.parametrize("offers", [["CHUNKING"], ["CHUNKING", "PIPELINING"]], ids=str)


@EACH
def test_each_chunk_waits_for_the_one_before(network, offers):
    net = network(offers=offers, BDAT=[SILENCE] * 20, END=SILENCE)
    outcome = Outcome(net.greeted().send("", TO, b"x" * (CHUNK * 3 + 1)))
    for count in range(1, 5):
        net.flush()
        assert net.servers[0].verbs.count("BDAT") == count
        assert not outcome.fired
        net.servers[0].send_reply("250 2.0.0 Ok")
    net.flush()
    assert len(outcome.result().accepted) == 1


@EACH
@pytest.mark.parametrize("kind", [list, iter, asynchronous], ids=lambda kind: kind.__name__)
def test_small_pieces_are_gathered(network, offers, kind):
    net = network(offers=offers)
    net.result(net.greeted().send("", TO, kind(LINES)))
    assert net.servers[0].verbs.count("BDAT") == 1
    assert net.servers[0].messages == [b"".join(LINES)]


def test_as_many_as_a_chunk_has(network):
    net = network(offers=["CHUNKING"])
    net.result(net.greeted().send("", TO, (b"x" * 998 + b"\r\n" for _ in range(2000))))
    sizes = [int(line.split()[1]) for line in net.servers[0].lines if line.startswith("BDAT")]
    assert sum(sizes) == 2_000_000
    assert all(CHUNK <= size < CHUNK + 1000 for size in sizes[:-1])
    assert sizes[-1] > 0


def test_pieces_that_come_slowly_are_gathered_too(network):
    """A line each tenth of a second, for five minutes: a chunk each five seconds."""
    net = network(offers=["CHUNKING", "PIPELINING"])

    async def body():
        for line in LINES:
            await deferLater(net.clock, 0.1)
            yield line

    outcome = Outcome(net.greeted().send("", TO, body()))
    net.flush()
    for _ in range(3001):
        net.advance(0.1)
    assert len(outcome.result().accepted) == 1
    assert net.servers[0].messages == [b"".join(LINES)]
    assert net.servers[0].verbs.count("BDAT") == pytest.approx(300 / HOLD, abs=2)


def slow(first):
    """A body that gives ``first``, then nothing before its Deferred fires."""
    rest = Deferred()

    async def body():
        yield first
        await rest
        yield b"rest\r\n"

    return body(), rest


@EACH
def test_what_is_there_does_not_wait_for_ever(network, offers):
    net = network(offers=offers)
    body, rest = slow(b"x")
    outcome = Outcome(net.greeted().send("", TO, body))
    net.flush()
    net.advance(HOLD - 0.1)
    assert "BDAT" not in net.servers[0].verbs
    net.advance(0.2)
    assert net.servers[0].chunks == [b"x"]
    net.advance(1_000_000)  # the server waits for the client, and nothing of the client's counts that
    assert not outcome.fired
    rest.callback(None)
    net.flush()
    assert len(outcome.result().accepted) == 1
    assert net.servers[0].messages == [b"xrest\r\n"]


def test_what_fills_a_chunk_does_not_wait_at_all(network):
    net = network(offers=["CHUNKING"])
    body, rest = slow(b"x" * CHUNK)
    outcome = Outcome(net.greeted().send("", TO, body))
    net.flush()
    assert net.servers[0].chunks == [b"x" * CHUNK]
    rest.callback(None)
    net.flush()
    assert outcome.error is None


def test_what_is_held_waits_for_a_slow_server(network):
    """Its reply to the chunk before; what was gathered meanwhile leaves after it."""
    net = network(offers=["CHUNKING", "PIPELINING"], BDAT=SILENCE)
    waiting = [Deferred(), Deferred(), Deferred()]

    async def body():
        for n, each in enumerate(waiting):
            yield b"%d\r\n" % n
            await each

    outcome = Outcome(net.greeted().send("", TO, body()))
    net.flush()
    net.advance(HOLD + 0.1)
    assert net.servers[0].chunks == [b"0\r\n"]
    waiting[0].callback(None)
    net.advance(HOLD * 3)
    assert net.servers[0].chunks == [b"0\r\n"]
    net.servers[0].send_reply("250 2.0.0 Ok")
    net.advance(HOLD + 0.1)
    assert net.servers[0].chunks == [b"0\r\n", b"1\r\n"]
    assert not outcome.fired
    outcome_of_end = [each.callback(None) for each in waiting[1:]]
    assert outcome_of_end == [None, None]
    net.servers[0].send_reply("250 2.0.0 Ok")
    net.flush()
    assert net.servers[0].messages == [b"0\r\n1\r\n2\r\n"]


def test_a_full_chunk_leaves_with_the_reply_to_the_one_before(network):
    net = network(offers=["CHUNKING"], BDAT=SILENCE)
    more, rest = Deferred(), Deferred()

    async def body():
        yield b"x" * CHUNK
        await more
        yield b"y" * CHUNK
        await rest

    outcome = Outcome(net.greeted().send("", TO, body()))
    net.flush()
    more.callback(None)
    net.flush()
    assert net.servers[0].verbs.count("BDAT") == 1
    net.servers[0].send_reply("250 2.0.0 Ok")
    net.flush()
    assert net.servers[0].verbs.count("BDAT") == 2
    assert not outcome.fired
    net.servers[0].transport.loseConnection()
    net.flush()
    assert outcome.error is not None


def test_a_chunk_is_refused_while_the_body_is_waited_for(network):
    """Which is pointless then, and is told at once."""
    net = network(offers=["CHUNKING"], BDAT="552 5.3.4 Full")
    body, rest = slow(b"x" * CHUNK)
    client = net.greeted()
    with pytest.raises(SMTPError, match=r"BDAT: 552 5\.3\.4 Full"):
        net.result(client.send("", TO, body))
    assert client.usable
    rest.callback(None)


BODIES = [b"", b"x", b"x\r\n", b"x\n", b"x\r", b"x\n\n", b".", b"x\r\n.", b"\r\n", b"\r", b"a\rb\nc", b"x" * CHUNK]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:9]))
@pytest.mark.parametrize("kind", ["whole", "octets"])
def test_by_data_and_by_bdat_it_is_the_same_message(network, body, kind):
    """The end of the last line included."""
    if kind == "octets" and len(body) > 100:
        body = body[:1000]
    messages = set()
    for offers in ([], ["PIPELINING"], ["CHUNKING"], ["CHUNKING", "PIPELINING"]):
        net = network(offers=offers)
        given = body if kind == "whole" else [body[at : at + 1] for at in range(len(body))]
        net.result(net.greeted().send("", TO, given))
        messages.add(net.servers[0].messages[0])
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    ended = lines if not lines or lines.endswith(b"\n") else lines + b"\n"
    assert messages == {ended.replace(b"\n", b"\r\n")}


def test_binary_octets_are_not_completed(network):
    net = network(offers=["CHUNKING", "BINARYMIME", "8BITMIME"])
    net.result(net.greeted().send("", TO, b"x", MailOptions(body="BINARYMIME")))
    assert net.servers[0].messages == [b"x"]


def test_what_was_held_of_a_body_that_failed_leaves_with_no_other(network):
    net = network(offers=["CHUNKING"])
    client = net.greeted()
    failing = Deferred()

    async def body(waiting):
        yield b"held\r\n"
        await waiting

    outcome = Outcome(client.send("", TO, body(failing)))
    net.flush()
    failing.errback(OSError("the disk is gone"))
    net.flush()
    assert isinstance(outcome.error, OSError)
    waiting = Deferred()
    outcome = Outcome(client.send("", TO, body(waiting)))
    net.flush()
    net.advance(HOLD + 0.1)
    waiting.callback(None)
    net.flush()
    assert outcome.error is None
    assert net.servers[0].messages == [b"held\r\n"]
