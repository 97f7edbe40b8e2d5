"""Observers of a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from twisted.python.failure import Failure
from zope.interface import Interface

from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.connection import Connection, Summary

FilterStage = Literal["connected", "hello", "mail", "recipient", "data", "header", "chunk", "end"]
"""The methods of `txsmtpx.interfaces.IFilter` that decide."""

FilterVerdict = Literal["continue", "accept", "discard", "defer", "reject", "failed"]
"""
What a filter has decided.  "accept" is a verdict with changes or results, or a final one.  "defer" is a 4xx, "reject" a
5xx, and "discard" also a 2xx.  "failed" is an exception, a time-out or a wrong verdict.
"""


@dataclass(frozen=True, slots=True)
class FilterEvent:
    """
    A verdict of a filter, for observers.

    Args:
        filter: The name of the filter.
        stage: The method that decided.
        verdict: The decision.
        seconds: The time until the decision, in seconds.

    Example:
        >>> FilterEvent("Spamd", "end", "reject", 0.2).verdict
        'reject'
    """

    filter: str
    stage: FilterStage
    verdict: FilterVerdict
    seconds: float


BackendStage = Literal["mail", "recipient", "data"]
"""The methods of a session that are measured: `ISession.mail`, `ISession.rcpt` and `ISession.data`."""

BackendOutcome = Literal["taken", "deferred", "refused", "failed", "cancelled"]
"""
What a backend has answered: 2xx, 4xx or 5xx.  "failed" is an exception other than `txsmtpx.SMTPError`, or a wrong
value.  "cancelled": the server has stopped waiting, since the client has gone or a time-out has passed.
"""


@dataclass(frozen=True, slots=True)
class BackendCall:
    """
    A call of a backend that is over, for observers.

    Args:
        backend: The name of the backend.
        stage: The method.
        outcomes: The outcomes: one; at "data" one for each recipient.
        seconds: The time until the last outcome, in seconds.  At "data" it begins at the end of the message.

    Example:
        >>> BackendCall("maildir", "data", ("taken", "refused"), 0.004).outcomes
        ('taken', 'refused')
    """

    backend: str
    stage: BackendStage
    outcomes: Sequence[BackendOutcome]
    seconds: float


class IServerObserver(Interface):
    """
    An observer of a server.  It is called after each event, and changes nothing.

    The methods are called in the reactor's thread, and must not block.  Their exceptions are logged.
    `txsmtpx.Observer` has all of them; a method of it that is not overridden costs nothing.

    Example:
        Count the connections of a server::

            class Counter(Observer):
                connections = 0

                def connected(self, connection: Connection) -> None:
                    self.connections += 1

            factory = SMTPServerFactory(MemoryBackend(), observers=[Counter()])
    """

    def connected(connection: Connection) -> None:
        """
        A client has connected.

        Behind ``haproxy:`` the PROXY header has been received.  Inside ``tls:`` there is no TLS yet, unless the PROXY
        header came inside TLS.

        Args:
            connection: The connection.
        """

    def secured(connection: Connection) -> None:
        """
        TLS has been established, at the beginning or by STARTTLS.

        Args:
            connection: The connection.  ``connection.tls`` describes the TLS session.
        """

    def commanded(connection: Connection, verb: str) -> None:
        """
        A command has been received.

        Args:
            connection: The connection.
            verb: The verb in upper case; ``""`` if the server does not know it.
        """

    def replied(connection: Connection, reply: Reply) -> None:
        """
        A reply has been sent, also the greeting.

        Args:
            connection: The connection.
            reply: The reply.
        """

    def concluded(summary: Summary) -> None:
        """
        A transaction has ended.  It is called once for each accepted MAIL.

        Args:
            summary: The result.
        """

    def disconnected(connection: Connection, reason: Failure) -> None:
        """
        A connection that was `connected` has been closed.

        Args:
            connection: The connection.
            reason: Why it was closed.
        """


class IFilterObserver(IServerObserver):
    """Optional, for an observer: the verdicts of filters.  `txsmtpx.Observer` provides it."""

    def filtered(connection: Connection, event: FilterEvent) -> None:
        """
        A filter has decided.  It is not called for a ``chunk``, unless that has rejected the message or failed.

        Args:
            connection: The connection.
            event: The verdict.
        """


class IBackendObserver(Interface):
    """
    An observer of the calls of `txsmtpx.MeasuredBackend`.  The methods are called in the reactor's thread.

    Example:
        Count the messages that a backend has at the moment::

            class InFlight:
                messages = 0

                def call_began(self, backend: str, stage: BackendStage) -> None:
                    self.messages += stage == "data"

                def call_ended(self, call: BackendCall) -> None:
                    self.messages -= call.stage == "data"
    """

    def call_began(backend: str, stage: BackendStage) -> None:
        """
        A method of a session of the backend is called.

        Args:
            backend: The name of the backend.
            stage: The method.
        """

    def call_ended(call: BackendCall) -> None:
        """
        The call is over.  It is called once for each `call_began`.

        Args:
            call: The call and its outcomes.
        """


class ServerObserverLike(Protocol):
    """The type of `IServerObserver`, for type checkers without a plugin for zope.interface."""

    def connected(self, connection: Connection) -> None:
        """
        A client has connected.

        Args:
            connection: The connection.
        """

    def secured(self, connection: Connection) -> None:
        """
        TLS has been established.

        Args:
            connection: The connection.
        """

    def commanded(self, connection: Connection, verb: str) -> None:
        """
        A command has been received.

        Args:
            connection: The connection.
            verb: The verb in upper case; ``""`` if the server does not know it.
        """

    def replied(self, connection: Connection, reply: Reply) -> None:
        """
        A reply has been sent.

        Args:
            connection: The connection.
            reply: The reply.
        """

    def concluded(self, summary: Summary) -> None:
        """
        A transaction has ended.

        Args:
            summary: The result.
        """

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """
        A connection has been closed.

        Args:
            connection: The connection.
            reason: Why it was closed.
        """


class FilterObserverLike(ServerObserverLike, Protocol):
    """The type of `IFilterObserver`."""

    def filtered(self, connection: Connection, event: FilterEvent) -> None:
        """
        A filter has decided.

        Args:
            connection: The connection.
            event: The verdict.
        """


class BackendObserverLike(Protocol):
    """The type of `IBackendObserver`."""

    def call_began(self, backend: str, stage: BackendStage) -> None:
        """
        A method of a session of the backend is called.

        Args:
            backend: The name of the backend.
            stage: The method.
        """

    def call_ended(self, call: BackendCall) -> None:
        """
        The call is over.

        Args:
            call: The call and its outcomes.
        """
