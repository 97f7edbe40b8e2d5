"""
Whether a client is admitted: the caps on connections, in all and for one client's address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.extensions.xclient import trusted
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer


class Admission:
    """
    What one connection counts for.  Behind a proxy, a connection counts among all while it waits for the PROXY header,
    and for its client's address when the header has come.
    """

    __slots__ = ("_connection", "_counted", "_room")

    def __init__(self, connection: SMTPServer) -> None:
        self._connection = connection
        self._counted: str | None = None  # the address that it counts for
        self._room = False

    def enter(self) -> None:
        """Count among all connections."""
        self._room = self._connection.factory.admit(self._connection)

    def refusal(self) -> Reply | None:
        """Count for the client, which is known now; the reply for a client that is not admitted, else None."""
        if not self._room:
            stopping = self._connection.factory.stopping
            return replies.SHUTTING_DOWN_421 if stopping else replies.TOO_MANY_CONNECTIONS_421
        if trusted(self._connection.dialog):
            return None  # it may have connections for many, see client_changed
        return None if self._count() else replies.TOO_MANY_CONNECTIONS_421

    def client_changed(self) -> bool:
        """Count for the client that XCLIENT has named; whether it is admitted."""
        self._connection.factory.dismiss_host(self._counted)
        return self._count()

    def leave(self) -> None:
        """Count no more."""
        self._connection.factory.dismiss(self._connection, self._counted)

    def _count(self) -> bool:
        host = self._connection.dialog.connection.peer_host
        self._counted = host if self._connection.factory.admit_host(host) else None
        return self._counted is not None
