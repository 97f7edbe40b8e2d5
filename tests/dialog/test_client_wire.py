"""A transport of a caller: `write` is all that it needs, and the other methods do what is right without a network."""

from __future__ import annotations

import pytest

from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.testing import Outcome


class Memory(ClientWire):
    """Has no method but the one that it needs."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []

    def write(self, octets: bytes, body: bytes = b"") -> None:
        self.sent.append((octets, body))


def test_it_cannot_be_used_without_write():
    with pytest.raises(NotImplementedError):
        ClientWire().write(b"QUIT\r\n")


def test_octets_of_a_message_are_written_apart_from_commands():
    wire = Memory()
    wire.write_body(b"Subject: x\r\n")
    wire.write_secret(b"c2VjcmV0\r\n")
    assert wire.sent == [(b"", b"Subject: x\r\n"), (b"c2VjcmV0\r\n", b"")]


def test_it_takes_everything_at_once():
    wire = Memory()
    assert not wire.congested
    assert wire.writable() is None


def test_without_a_clock_and_without_a_connection_nothing_happens():
    wire = Memory()
    wire.awaiting("greeting")
    wire.awaiting(None)
    wire.wake(1, lambda: pytest.fail("there is no clock"))
    wire.wake(0, None)
    wire.abort()
    assert wire.close() is None
    assert wire.sent == []


def test_without_threads_a_function_is_called_at_once():
    wire = Memory()
    assert Outcome(wire.in_thread(divmod, 7, 2)).result() == (3, 1)
    assert isinstance(Outcome(wire.in_thread(divmod, 7, 0)).error, ZeroDivisionError)
