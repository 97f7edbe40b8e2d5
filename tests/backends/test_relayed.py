"""What a relay reads of a message before it passes the message on."""

from __future__ import annotations

import time

import pytest
from twisted.internet.defer import ensureDeferred, fail, succeed

from txsmtpx import SMTPError
from txsmtpx.backends.relayed import HEADER, MAX_HOPS, Relayed


class Pieces:
    """A message that comes in these pieces."""

    def __init__(self, pieces):
        self.left = iter(pieces)

    def __aiter__(self):
        return self

    def __anext__(self):
        piece = next(self.left, None)
        return fail(StopAsyncIteration()) if piece is None else succeed(piece)


class Context:
    def received(self):
        return b"Received: here\r\n"


async def passed(pieces):
    relayed = Relayed(Pieces(pieces), Context())
    await relayed.look()
    return b"".join([chunk async for chunk in relayed])


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("octets", [b"A: b\r\n\r\nbody\r\n", b"A: b\r\n", b"\r\nbody", b"no header\r\n", b""])
async def test_octets_are_passed_on_as_they_came(octets, size):
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    assert await passed(pieces) == b"Received: here\r\n" + octets


async def test_small_pieces_cost_what_they_hold():
    """A header of 250 kB in chunks of two octets took 9.3 seconds: all that had come was looked at each time."""
    octets = b"X: " + b"x" * (HEADER - 20) + b"\r\n\r\n"
    began = time.process_time()
    await passed([octets[at : at + 2] for at in range(0, len(octets), 2)])
    assert time.process_time() - began < 3


@pytest.mark.parametrize("name", [b"Received:", b"RECEIVED:", b"Received :"])
def test_a_message_that_goes_round_and_round(name):
    header = (name + b" by somewhere\r\n\twith SMTP\r\n") * MAX_HOPS

    def look(octets):
        return ensureDeferred(Relayed(Pieces([octets]), Context()).look()).result

    assert look(header.replace(name, b"X:", 1) + b"\r\n" + header) is None
    refused = ensureDeferred(Relayed(Pieces([header + b"\r\n"]), Context()).look())
    caught = []
    refused.addErrback(caught.append)
    assert caught[0].check(SMTPError)
    assert caught[0].value.reply.enhanced_code == (5, 4, 6)
