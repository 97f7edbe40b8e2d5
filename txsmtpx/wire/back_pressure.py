"""
Back-pressure: when input of a client is held, that is, not passed to the dialog, and when its transport is paused.

Theory of operation.  Input is held while the dialog waits for a backend, while the client does not read what is
written, after a turn, so that other connections have theirs, and while the program has paused the connection.  The
connection buffers further input.  Past `HELD_INPUT` octets the transport is paused, and TCP slows the client down.  A
client that does not read for `write_timeout` is disconnected.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.state import CLOSED, OPEN

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer

log = Logger(__name__)

# Why input is held: bits, and not an IntFlag, whose arithmetic costs more than all the rest.
DIALOG = 1
"""The dialog waits for a backend, or for the reader of a message."""
CLIENT = 2
"""The client does not read what is written."""
OTHERS = 4
"""It is the turn of other connections."""
PROGRAM = 8
"""The program has paused the connection (`LineReceiver.pauseProducing`)."""

HELD_INPUT = 64 * 1024
"""Octets of input that are held before the transport is paused."""

TURN = 100
"""Commands, or pieces of a message, after which other connections have their turn."""

TURN_SECONDS = 0.02
"""
Seconds after which a turn ends too.  Most commands take microseconds, but one with an internationalized domain takes up
to three milliseconds, and one of a backend as long as the backend likes.
"""

LOOK = 5
"""Commands after each of which the clock is read, so that most turns are over before."""


@implementer(IPushProducer)
class BackPressure:
    """
    What holds the input of one connection.  The connection creates it, and registers it with its transport.

    Args:
        connection: The connection.

    Attributes:
        held: Why input is held, a sum of `DIALOG`, `CLIENT`, `OTHERS` and `PROGRAM`; 0 if it is not.
        reading: True if the transport reads.
    """

    __slots__ = ("_connection", "_next_turn", "held", "reading")

    def __init__(self, connection: SMTPServer) -> None:
        self._connection = connection
        self._next_turn: IDelayedCall | None = None
        self.held: int = 0
        self.reading: bool = True

    # ---- what the transport calls: its buffer is full, or empty again

    def pauseProducing(self) -> None:
        """Hold the input: the client does not read."""
        limits = self._connection.limits
        limits.idle_since = inf
        limits.set("write", self._connection.factory.write_timeout)
        self.held |= CLIENT
        self.bound()

    def resumeProducing(self) -> None:
        """Release the input, since the client reads again."""
        self._connection.limits.clear("write")
        self.release(CLIENT)

    def stopProducing(self) -> None:
        """Do nothing: the transport is gone, and `connectionLost` follows."""

    # ---- what the connection calls

    def wait_for(self, waiting: Deferred[None]) -> None:
        """
        Hold the input while the dialog waits.

        Args:
            waiting: A Deferred of the dialog.
        """
        self.held |= DIALOG
        waiting.addBoth(self._resume)

    def _resume(self, result: object) -> None:
        connection = self._connection
        if isinstance(result, Failure) and connection.dialog.link is OPEN:
            session_id = connection.dialog.connection.session_id
            log.failure("session={session} the dialog failed", failure=result, session=session_id)
            connection.abort()
        self.release(DIALOG)

    def release(self, reason: int) -> None:
        """
        Continue with the input, if nothing else holds it.

        Args:
            reason: `DIALOG`, `CLIENT` or `OTHERS`.
        """
        connection = self._connection
        self.held &= ~reason
        if not self.held and not connection.busy and connection.dialog.link is OPEN:
            connection.work()

    def end_turn(self) -> None:
        """Hold the input until other connections have had their turn."""
        self.held |= OTHERS
        self._next_turn = self._connection.clock.callLater(0, self.release, OTHERS)

    def bound(self) -> None:
        """Pause the transport if more input is held than `HELD_INPUT`."""
        connection = self._connection
        if len(connection.input) > HELD_INPUT and self.reading and connection.dialog.link is not CLOSED:
            self.reading = False
            connection.transport.pauseProducing()

    def read_on(self) -> None:
        """Resume the transport."""
        self.reading = True
        self._connection.transport.resumeProducing()

    def stop(self) -> None:
        """End the turns: nothing will be handed over any more."""
        if self._next_turn is not None and self._next_turn.active():
            self._next_turn.cancel()
