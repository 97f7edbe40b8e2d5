"""Which connections a server admits: all at a time, those of one client, and none while it stops."""

from __future__ import annotations

from collections.abc import Set
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime, ITransport

from txsmtpx.grammar.host import counted_address
from txsmtpx.wire.descriptors import Descriptors
from txsmtpx.wire.pending_work import PendingWork


class Admitted(Protocol):
    """A connection of a server."""

    @property
    def transport(self) -> ITransport | None:
        """Its transport, None before it has one."""

    def goodbye(self) -> None:
        """Reply 421 and close, now or when the transaction has ended."""

    def abort(self) -> None:
        """Abort the connection now."""


C = TypeVar("C", bound=Admitted)


class Admission(Generic[C]):
    """
    The open connections of a server, and the limits on them.  Each `txsmtpx.SMTPServerFactory` creates one.

    Args:
        clock: Calls functions later.
        max_connections: Connections at a time (0: no limit).
        max_connections_per_host: Connections at a time of one client (0: no limit).

    Attributes:
        max_connections: Connections at a time (0: no limit).
        max_connections_per_host: Connections at a time of one client (0: no limit).
        per_host: The number of connections of each client that has one, as `counted_address` names it.
        stopping: True if new transactions are refused, because the server stops.
        descriptors: Watches the file descriptors of the process, while a service listens.
    """

    def __init__(self, clock: IReactorTime, max_connections: int, max_connections_per_host: int) -> None:
        self.stopping: bool = False
        self.descriptors: Descriptors | None = None
        self.max_connections = max_connections
        self.max_connections_per_host = max_connections_per_host
        self.per_host: dict[str, int] = {}
        self._clients: dict[C, str | None] = {}  # of each open connection the client that it counts for
        self._clock = clock
        self._drained: list[Deferred[None]] = []
        self._endings = PendingWork()
        self._overdue = False  # the deadline of a drain has passed

    @property
    def connections(self) -> Set[C]:
        """The open connections, those that are refused among them until they are closed."""
        return self._clients.keys()

    def admit(self, connection: C) -> bool:
        """
        Count one more connection.

        Args:
            connection: The connection.  It counts until `dismiss`, also if it is not admitted.

        Returns:
            True if it is admitted: False if there are too many, or if the server stops.
        """
        self._clients[connection] = None
        if self.descriptors is not None:
            self.descriptors.taken(connection.transport)
        return not self.stopping and not 0 < self.max_connections < len(self._clients)

    def admit_host(self, connection: C, host: str) -> bool:
        """
        Count an admitted connection for a client, and no more for the client before it.

        Args:
            connection: The connection.
            host: The IP address of the client; "" for an unknown one.

        Returns:
            True if the client may have one more connection.  If it may not, the connection counts for no client.
        """
        self._dismiss_host(self._clients[connection])
        host = counted_address(host)
        count = self.per_host.get(host, 0)
        if host and 0 < self.max_connections_per_host <= count:
            self._clients[connection] = None
            return False
        self.per_host[host] = count + 1
        self._clients[connection] = host
        return True

    def dismiss(self, connection: C) -> None:
        """
        Count a connection no more, because it is closed.

        Args:
            connection: The connection.
        """
        self._dismiss_host(self._clients.pop(connection, None))
        self._ended()

    def wait_for(self, ending: Deferred[None]) -> None:
        """
        Let `drain` wait until the session of a connection has ended.

        Args:
            ending: A Deferred of that, which never fails.  It is cancelled at the deadline of the drain.
        """
        if self._overdue:
            ending.cancel()
        else:
            self._endings.add(ending).addCallback(lambda _: self._ended())

    def _ended(self) -> None:
        if not self._clients and not self._endings:
            waiting, self._drained = self._drained, []
            for drained in waiting:
                drained.callback(None)

    def _dismiss_host(self, host: str | None) -> None:
        if host is not None:
            self.per_host[host] -= 1
            if not self.per_host[host]:
                del self.per_host[host]

    def drain(self, timeout: float) -> Deferred[None]:
        """
        End every connection, and admit none.

        Idle clients get 421.  The others get it when their transaction has ended.

        Args:
            timeout: Seconds after which the connections that are left are aborted.

        Returns:
            A Deferred that fires when no connection is left, and the session of each has ended.
        """
        self.stopping, self._overdue = True, False
        begun = frozenset(self._clients)
        for connection in begun:
            connection.goodbye()
        if not self._clients and not self._endings:
            return succeed(None)
        drained = Deferred[None]()
        self._drained.append(drained)
        deadline = self._clock.callLater(timeout, self._expired, begun)

        def over(result: None) -> None:
            if deadline.active():
                deadline.cancel()

        return drained.addCallback(over)

    def _expired(self, drained: frozenset[C]) -> None:
        """The deadline of a drain has passed: abort all, or those from before it if connections are admitted again."""
        for connection in list(self.connections if self.stopping else self.connections & drained):
            connection.abort()
        if self.stopping:
            self._overdue = True
            endings, self._endings = self._endings, PendingWork()
            endings.over().cancel()
            self._ended()

    def resume(self) -> None:
        """Admit connections again, after `drain`.  Those that are being drained still end."""
        self.stopping = self._overdue = False

    def abort(self) -> None:
        """Abort every connection now."""
        for connection in list(self.connections):
            connection.abort()
