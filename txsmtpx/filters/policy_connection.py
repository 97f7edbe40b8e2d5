"""A connection to a policy server, which answers one request after the other."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txsmtpx.filters.policy_message import AnswerParser, PolicyError
from txsmtpx.interfaces import StreamTransport


class Unanswered(PolicyError):
    """The connection was closed before the first octet of the answer.  The request can be sent again."""


class PolicyConnection(Protocol):
    """
    A connection to a policy server.  `txsmtpx.filters.policy_pool.PolicyPool` creates it.

    Args:
        closed: Called with this connection when it is closed.

    Attributes:
        usable: True if a request can be sent: the connection is open, and no answer is missing.
    """

    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    def __init__(self, closed: Callable[[PolicyConnection], object]) -> None:
        self.usable = True
        self._closed = closed
        self._parser = AnswerParser()
        self._answer: Deferred[str] | None = None
        self._wrong: PolicyError | None = None

    def ask(self, request: bytes) -> Deferred[str]:
        """
        Send a request.

        Args:
            request: Its octets.

        Returns:
            A Deferred of the action.  It fails with `PolicyError` if there is no answer, or none that can be used.  To
            cancel it aborts the connection.
        """
        self.usable = False
        self._parser = AnswerParser()
        answer = self._answer = Deferred(lambda _: self.abort())
        self.transport.write(request)
        return answer

    def abort(self) -> None:
        """Abort the connection."""
        self.usable = False
        self._answer = None
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Take octets of the answer.  Octets without a request abort the connection.

        Args:
            data: The octets.
        """
        answer = self._answer
        if answer is None:
            self.abort()
            return
        try:
            action = self._parser.feed(data)
        except PolicyError as error:
            self.abort()
            answer.errback(error)
            return
        if action is not None:
            self._answer, self.usable = None, True
            answer.callback(action)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fail the request that waits for its answer.

        Args:
            reason: Why the connection was closed.
        """
        self.usable = False
        answer, self._answer = self._answer, None
        self._closed(self)
        if answer is not None:
            how = "has closed the connection" if reason.check(ConnectionDone) else "is lost"
            kind = PolicyError if self._parser.begun else Unanswered
            answer.errback(kind(f"the policy server {how} before the end of its answer"))
