"""A connection to Dovecot's authentication server, which carries many requests at once."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from txsmtpx.interfaces import Clock, StreamTransport
from txsmtpx.logins import dovecot_lines as lines
from txsmtpx.logins.dovecot_lines import Answer, Challenge, DovecotError, OfferedMechanism

MAX_MECHANISMS = 100
"""Mechanisms that Dovecot may offer.  It has about 15."""

MAX_OPEN = 1000
"""
Exchanges that wait for their clients.  Dovecot keeps each for 150 seconds, also if the client has gone, and `auth` has
256 MB.  If there are more, the oldest is cancelled.
"""

_IGNORED = frozenset({"SPID", "CUID", "COOKIE", "MECH_CBIND"})
"""Lines of the handshake for clients that pass users on to their mailboxes, or have channel bindings."""


class DovecotConnection(LineOnlyReceiver):
    """
    A connection to Dovecot.  `txsmtpx.logins.dovecot_client.DovecotClient` creates it.

    Args:
        clock: The clock.
        timeout: Seconds for each answer.
        ended: Called once, with the reason, when the connection cannot be used any longer.

    Attributes:
        ready: A Deferred that fires after the handshake.
        mechanisms: The mechanisms that Dovecot offers, in its order; complete when `ready` has fired.
        usable: True if requests can be sent.
    """

    delimiter = b"\n"
    MAX_LENGTH = lines.MAX_ANSWER

    def __init__(self, clock: Clock, timeout: float, ended: Callable[[str], object]) -> None:
        self.ready: Deferred[None] = Deferred()
        self.mechanisms: dict[str, OfferedMechanism] = {}
        self.usable = False
        self._clock = clock
        self._timeout = timeout
        self._ended: Callable[[str], object] | None = ended
        self._version_came = False
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[Deferred[Answer], IDelayedCall]] = {}
        self._heard = clock.seconds()
        self._open: dict[int, None] = {}  # the exchanges that wait for their clients, the oldest first

    def connectionMade(self) -> None:
        """Send the handshake.  Dovecot wants another number from each client, so it is not that of the process."""
        self._write(lines.handshake(secrets.randbelow(2**31 - 1) + 1))

    def begin(
        self, mechanism: str, parameters: Mapping[str, str], initial: bytes | None
    ) -> tuple[int, Deferred[Answer]]:
        """
        Begin an exchange.

        Args:
            mechanism: The name of the mechanism, one of `mechanisms`: Dovecot disconnects after any other.
            parameters: The parameters by name.
            initial: The initial response; None for none.

        Returns:
            The number of the request, and a Deferred of the answer as in `go_on`.

        Raises:
            ValueError: The response is too long.
        """
        number = next(self._numbers)
        return number, self._ask(number, lines.begin(number, mechanism, parameters, initial))

    def go_on(self, number: int, response: bytes) -> Deferred[Answer]:
        """
        Answer a challenge.

        Args:
            number: The number of the request.
            response: The response.

        Returns:
            A Deferred of the answer.  It fails with `DovecotError` if none comes in time.  To cancel it cancels the
            request.

        Raises:
            DovecotError: The exchange was cancelled, since `MAX_OPEN` later ones wait for their clients.
            ValueError: The response is too long.
        """
        line = lines.go_on(number, response)
        if number not in self._open:
            raise DovecotError(f"the exchange was cancelled: more than {MAX_OPEN} wait for their clients")
        del self._open[number]
        return self._ask(number, line)

    def _ask(self, number: int, line: bytes) -> Deferred[Answer]:
        answer: Deferred[Answer] = Deferred(lambda _: self.cancel(number))
        late = self._clock.callLater(self._timeout, self._expire, number, self._clock.seconds())
        self._asked[number] = answer, late
        self._write(line)
        return answer

    def cancel(self, number: int) -> None:
        """
        Cancel a request.

        Args:
            number: The number of the request.
        """
        self._take(number)
        if self.usable:
            self._write(lines.cancel(number))

    def _expire(self, number: int, since: float) -> None:
        text = f"no answer within {self._timeout:g} seconds"
        if self._heard <= since:  # to no other request either
            self.abort(text)
            return
        answer = self._take(number)
        self._write(lines.cancel(number))
        if answer is not None:
            answer.errback(DovecotError(text))

    def _take(self, number: int) -> Deferred[Answer] | None:
        answer, late = self._asked.pop(number, (None, None))
        if late is not None and late.active():
            late.cancel()
        return answer

    def _write(self, line: bytes) -> None:
        cast(StreamTransport, self.transport).write(line)

    def lineReceived(self, line: bytes) -> None:
        """
        Take a line.  One that the protocol does not have ends the connection.

        Args:
            line: The line, without its end.
        """
        if self._ended is None:
            return
        self._heard = self._clock.seconds()
        try:
            word, *fields = lines.read_line(line)
            if self.usable:
                self._take_answer(word, fields)
            else:
                self._shake_hands(word, fields)
        except DovecotError as error:
            self.abort(str(error))

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        End the connection, since a line is too long.

        Args:
            line: Its beginning.
        """
        self.abort("a line is too long")

    def _shake_hands(self, word: str, fields: list[str]) -> None:
        if word == "VERSION" and not self._version_came:
            lines.read_version(fields)
            self._version_came = True
        elif not self._version_came:
            raise DovecotError("its first line is not VERSION; this is no socket of Dovecot's authentication")
        elif word == "MECH":
            mechanism = lines.read_mechanism(fields)
            self.mechanisms[mechanism.name] = mechanism
            if len(self.mechanisms) > MAX_MECHANISMS:
                raise DovecotError(f"it offers more than {MAX_MECHANISMS} mechanisms")
        elif word == "DONE":
            self.usable = True
            self.ready.callback(None)
        elif word not in _IGNORED:
            raise DovecotError("a line of the handshake is not known")

    def _take_answer(self, word: str, fields: list[str]) -> None:
        if word == "CANCELLED":  # Dovecot 2.4 confirms CANCEL
            return
        number, answer = lines.read_answer(word, fields)
        asked = self._take(number)
        if isinstance(answer, Challenge) and asked is not None:
            self._open[number] = None
            if len(self._open) > MAX_OPEN:
                oldest = next(iter(self._open))
                del self._open[oldest]
                self._write(lines.cancel(oldest))
        if asked is not None:  # otherwise it was cancelled, or Dovecot has not waited longer for the client
            asked.callback(answer)

    def abort(self, reason: str) -> None:
        """
        Abort the connection.

        Args:
            reason: Why; each request that waits fails with it.
        """
        self._end(reason)
        cast(StreamTransport, self.transport).abortConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Fail the requests that wait.

        Args:
            reason: Why the connection is lost.
        """
        self._end("it has closed the connection")

    def _end(self, reason: str) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        self.usable = False
        ended(reason)
        if not self.ready.called:
            self.ready.errback(DovecotError(reason))
        for number in [*self._asked]:
            answer = self._take(number)
            if answer is not None:
                answer.errback(DovecotError(reason))
