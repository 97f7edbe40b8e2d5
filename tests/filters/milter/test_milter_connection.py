"""A connection to a milter: how it ends, and what is cancelled."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.dialog import NO_ANSWER, Answer
from txsmtpx.filters.milter.errors import MilterConnectionError
from txsmtpx.filters.milter.milter_connection import MilterConnection
from txsmtpx.filters.milter.negotiation import Negotiation, Steps
from txsmtpx.testing import Outcome


class Transport(StringTransport):
    """One that can be aborted; the connection is lost when the test says so."""

    aborted = False

    def abortConnection(self):
        self.aborted = True


class Connected:
    """A connection that has negotiated."""

    def __init__(self):
        self.clock = Clock()
        self.lost = []
        self.connection = MilterConnection(self.clock, 10, 30, self.lost.append)
        self.transport = Transport()
        self.connection.makeConnection(self.transport)
        negotiating = self.connection.negotiate()
        self.say(Negotiation(steps=Steps(0)))
        assert Outcome(negotiating).result() is NO_ANSWER

    def say(self, *said):
        self.connection.dataReceived(b"".join(map(replies.encode, said)))

    def lose(self):
        self.connection.connectionLost(Failure(ConnectionDone()))
        assert self.clock.getDelayedCalls() == []


def test_an_answer():
    connected = Connected()
    asked = connected.connection.ask(commands.Connect(b"a"))
    assert isinstance(asked, Deferred)
    assert not connected.connection.usable
    connected.say(replies.Continue())
    assert Outcome(asked).result() == Answer(replies.Continue())
    assert connected.connection.usable
    connected.lose()
    assert connected.lost == [connected.connection]


def test_to_cancel_aborts_the_connection():
    connected = Connected()
    asked = connected.connection.ask(commands.Connect(b"a"))
    assert isinstance(asked, Deferred)
    outcome = Outcome(asked)
    asked.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert connected.transport.aborted
    connected.say(replies.Continue())  # which is on its way
    connected.lose()


def test_to_cancel_the_wait_for_room_aborts_the_connection():
    connected = Connected()
    connected.connection.pauseProducing()
    room = connected.connection.room()
    assert room is not None
    outcome = Outcome(room)
    room.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert connected.transport.aborted
    connected.lose()


def test_a_lost_connection_has_no_room_to_wait_for():
    connected = Connected()
    connected.connection.pauseProducing()
    connected.lose()
    assert connected.connection.room() is None
    with pytest.raises(MilterConnectionError, match=r"^the milter has closed the connection$"):
        connected.connection.ask(commands.Connect(b"a"))


def test_a_filter_that_does_not_read_cannot_hold_the_connection_open():
    connected = Connected()
    assert not connected.connection.quit(keep=True)
    assert connected.transport.disconnecting
    connected.clock.advance(9)
    assert not connected.transport.aborted
    connected.clock.advance(1)
    assert connected.transport.aborted
    connected.lose()


def test_to_quit_while_an_answer_is_missing_aborts():
    connected = Connected()
    asked = Outcome(connected.connection.ask(commands.Connect(b"a")))
    assert not connected.connection.quit(keep=True)
    assert connected.transport.aborted
    connected.lose()
    assert isinstance(asked.error, MilterConnectionError)


def test_a_transaction_is_aborted_before_quit():
    connected = Connected()
    for command in (commands.Connect(b"a"), commands.Mail(b"<>")):
        Outcome(connected.connection.ask(command))
        connected.say(replies.Continue())
    connected.transport.clear()
    connected.connection.quit(keep=True)
    assert connected.transport.value() == b"\0\0\0\x01A\0\0\0\x01Q"
    connected.lose()


def test_octets_behind_the_end_are_ignored():
    connected = Connected()
    connected.connection.quit(keep=False)
    connected.say(replies.Shutdown())
    connected.lose()
