"""A connection to a milter: the dialog on a transport, with time limits and back-pressure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.filters.milter.commands import Abort, Command, Quit, QuitNewConnection
from txsmtpx.filters.milter.dialog import NO_ANSWER, Answer, MilterDialog
from txsmtpx.filters.milter.errors import (
    MilterConnectionError,
    MilterError,
    MilterProtocolError,
    MilterTimeoutError,
)
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.interfaces import Clock, StreamTransport

Macros = Iterable[tuple[bytes, bytes]]
"""Names and values of macros."""


@implementer(IPushProducer)
class MilterConnection(Protocol):
    """
    A connection to a milter.  `txsmtpx.filters.milter.connections.MilterConnections` creates it.

    Args:
        clock: Measures time.
        timeout: Seconds for an answer, and for the filter to receive.  Each packet of the filter begins them anew.
        longest: Seconds for an answer altogether.
        lost: Called with this connection when it has been closed.
        offer: What the server offers.  None: everything.

    Attributes:
        dialog: The dialog.
        used: True if the connection has served an earlier session.
    """

    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    def __init__(
        self,
        clock: Clock,
        timeout: float,
        longest: float,
        lost: Callable[[MilterConnection], object],
        offer: Negotiation | None = None,
    ) -> None:
        self.dialog = MilterDialog(offer)
        self.used = False
        self._clock = clock
        self._timeout = timeout
        self._longest = longest
        self._notify = lost
        self._closed = False
        self._paused = False
        self._answer: Deferred[Answer] | None = None
        self._room: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._ultimate = 0.0

    @property
    def usable(self) -> bool:
        """True if the connection is open, and no answer is missing."""
        return not self._closed and not self.dialog.waiting

    def connectionMade(self) -> None:
        """Register as a producer, to learn when the filter is slow."""
        self.transport.registerProducer(self, True)

    def negotiate(self) -> Deferred[Answer]:
        """
        Negotiate.

        Returns:
            A Deferred that fires when the filter has agreed.
        """
        self.transport.write(self.dialog.open())
        return self._wait_for_answer()

    def ask(self, command: Command, macros: Macros | None = None) -> Answer | Deferred[Answer]:
        """
        Send a command.

        Args:
            command: The command.
            macros: Its macros; None for a command without.

        Returns:
            The answer, or a Deferred of it.  The Deferred fails with a `MilterError`, and then the connection is
            closed.  To cancel it aborts the connection.

        Raises:
            MilterConnectionError: The connection has been closed.
        """
        if self._closed:
            raise MilterConnectionError("the milter has closed the connection")
        octets = self.dialog.send(command, macros)
        if octets:
            self.transport.write(octets)
        return self._wait_for_answer() if self.dialog.waiting else NO_ANSWER

    def room(self) -> Deferred[None] | None:
        """
        Wait until the filter has received what was sent.

        Returns:
            None if there is room for more; or a Deferred that fires when there is.
        """
        if not self._paused or self._closed:
            return None
        self._room = Deferred(lambda _: self.abort())
        self._start()
        return self._room

    def quit(self, keep: bool) -> bool:
        """
        End the session.

        Args:
            keep: True if the connection is wanted for another session.

        Returns:
            True if it can serve one.  Otherwise it is closed.
        """
        if not self.usable:
            self.abort()
            return False
        if self.dialog.allows(Abort):
            self.ask(Abort())
        if keep and self.dialog.allows(QuitNewConnection) and self.dialog.has(QuitNewConnection):
            self.ask(QuitNewConnection())
            self.used = True
            return True
        self.ask(Quit())
        self._closed = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._start()  # a filter that does not read would hold the connection open
        return False

    def abort(self) -> None:
        """Abort the connection."""
        if not self._closed:
            self._closed = True
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Handle octets of the filter.

        Args:
            data: The octets.
        """
        if self._closed:
            return
        before = self.dialog.packets
        try:
            answer = self.dialog.receive(data)
        except MilterProtocolError as error:
            self._fail(error)
            return
        if answer is not None:
            self._stop()
            waiting, self._answer = self._answer, None
            if waiting is not None and not waiting.called:
                waiting.callback(answer)
        elif self.dialog.packets > before and self._timer is not None:
            self._renew()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Fail what waits.

        Args:
            reason: Why the connection was closed.
        """
        self._closed = True
        self._fail(MilterConnectionError("the milter has closed the connection"))
        self._notify(self)

    def pauseProducing(self) -> None:
        """Note that the filter is slow."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Note that the filter has received what was sent."""
        self._paused = False
        room, self._room = self._room, None
        if room is not None and not room.called:
            self._stop()
            room.callback(None)

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""

    def _wait_for_answer(self) -> Deferred[Answer]:
        self._answer = Deferred(lambda _: self.abort())
        self._start()
        return self._answer

    def _start(self) -> None:
        self._ultimate = self._clock.seconds() + self._longest
        self._renew()

    def _renew(self) -> None:
        self._stop()
        seconds = min(self._timeout, self._ultimate - self._clock.seconds())
        self._timer = self._clock.callLater(max(seconds, 0), self._expired)

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _expired(self) -> None:
        self._closed = False  # even while it is being closed
        self._fail(MilterTimeoutError("the milter has not answered in time"))

    def _fail(self, error: MilterError) -> None:
        """Abort the connection, and fail what waits."""
        self._stop()
        self.abort()
        answer, self._answer = self._answer, None
        room, self._room = self._room, None
        for each in (answer, room):
            if each is not None and not each.called:
                cast("Deferred[object]", each).errback(error)
