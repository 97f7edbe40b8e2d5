"""
How a connection opens, before its first command: the PROXY header, the caps, the greeting, TLS, early talkers.

Theory of operation.  The steps, in this order:

1. Behind ``haproxy:``, nothing is sent before the PROXY header has arrived (`txsmtpx.wire.proxy_protocol_server`).
2. The connection counts for its client, after it has counted among all from the beginning.  A client beyond a cap gets
   421.
3. The server greets, at once or after ``greeting_delay``.  A policy for clients is asked before, inside TLS after the
   handshake.  What the client sends meanwhile waits; with ``greeting_delay`` it is too early.
4. Where TLS begins with the first octet, its handshake goes on below all this.  It ends when Twisted says so, or, where
   a foreign wrapper does not pass that on, when the first octets arrive.
5. The first octets arrive.  A client that sends them before the greeting, or that sends TLS to a plain port, is
   disconnected.  Otherwise the connection is open.

STARTTLS repeats the fourth and the fifth step.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

from txsmtpx.dialog.state import Link
from txsmtpx.extensions.xclient import trusted
from txsmtpx.grammar import replies
from txsmtpx.grammar.proxy import ProxyHeader
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.handshake import CLOSED, Handshake, tls_connection
from txsmtpx.wire.proxy_protocol_server import wait_for_header
from txsmtpx.wire.tls_state import TLSState

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer

log = Logger(__name__)

HANDSHAKE_SECONDS = 10.0
"""
Seconds that the policy for clients waits for a TLS handshake.  A foreign wrapper of the server may not tell of its end,
and the client would wait for the greeting for ever.
"""

_TLS_HELLO = b"\x16"
"""The first octet of a TLS record of type handshake.  No command begins with it."""


def handshake_failed(connection: SMTPServer, why: str) -> bool:
    """
    Log that the TLS handshake of a connection has failed, if one is not complete.

    Args:
        connection: The connection.
        why: The reason, for the log.

    Returns:
        True if one was not complete.
    """
    return connection.opening is not None and connection.opening.handshake_failed(why)


class Opening:
    """
    How one connection opens.  The connection creates it, and another one for STARTTLS, and drops it when it is open.

    Args:
        connection: The connection.
        starttls: True for STARTTLS, which a client sends that has been greeted.

    Attributes:
        begun: True if the client is known, and observers have been told of the connection.
    """

    __slots__ = ("_awaits_tls", "_connection", "_greeted", "_handshake", "_room", "_starttls", "begun")

    def __init__(self, connection: SMTPServer, starttls: bool = False) -> None:
        self._connection = connection
        self._starttls = starttls
        self._room = False
        self._handshake: Handshake | None = None
        self._greeted = starttls
        self.begun: bool = starttls
        self._awaits_tls = False  # whether the policy is asked after the handshake

    # ---- what tells of the PROXY header (HeaderReceiver)

    def announced(self, header: ProxyHeader, secured: bool) -> None:
        """
        Begin: the PROXY header has come.

        Args:
            header: The header.
            secured: True if the header came inside TLS.
        """
        self._connection.dialog.connection.proxy_header = header
        self._ask_for_addresses()
        if secured:
            self.expect_handshake()
        self._begin()
        if secured:
            self._tls_stands()

    def not_announced(self, why: str) -> None:
        """
        Close the connection without a reply: there is no PROXY header.

        Args:
            why: The reason, for the log.
        """
        if self._connection.dialog.link is not Link.CLOSED:  # by a server that stops
            log.warn("session={session} no PROXY header from [{peer}]: {why}", **self._ids, why=why)
            self._connection.dialog.close()

    # ---- what the connection calls

    def start(self) -> None:
        """Begin: the connection is made."""
        connection = self._connection
        self._ask_for_addresses()
        if ISSLTransport.providedBy(connection.transport):
            self.expect_handshake()
        self._room = connection.factory.admission.admit(connection)
        if not wait_for_header(connection.transport, self, connection.factory.settings.clock):
            self._begin()

    def first_octets(self, data: bytes) -> None:
        """
        Look at the first octets that the client sends at all, or inside TLS: the connection is open.

        Args:
            data: The octets.
        """
        self._connection.opening = None
        if self._handshake is not None:
            self._tls_stands()
        if self._starttls:
            return
        connection = self._connection
        if data.startswith(_TLS_HELLO) and connection.dialog.connection.tls is None:
            log.warn("session={session} a TLS hello on a plain port from [{peer}]: closing", **self._ids)
            connection.dialog.close()
        elif not self._greeted:
            self._connection.limits.clear("greeting")
            connection.dialog.say_goodbye(replies.EARLY_TALKER_554)

    def greet(self) -> None:
        """Greet the client, or refuse it, as soon as the policy of the server has decided."""
        connection = self._connection
        if connection.factory.settings.policy is None:
            self._greeted = True
            connection.dialog.connection_made()
        elif self._handshake is not None and not self._awaits_tls:
            self._awaits_tls = True
            self._connection.limits.set("greeting", HANDSHAKE_SECONDS)
        else:
            self._awaits_tls = False
            self._greeted = connection.factory.greeting_delay == 0
            waiting = connection.dialog.connection_made()
            if waiting is None:
                self._greeted = True
            else:
                self._connection.limits.idle_since = inf
                connection.pressure.wait_for(waiting.addCallback(self._has_greeted))

    def _has_greeted(self, result: None) -> None:
        self._greeted = True

    def start_tls(self) -> None:
        """Negotiate TLS, for STARTTLS."""
        connection = self._connection
        self.expect_handshake()
        assert connection.factory.tls is not None
        connection.transport.startTLS(connection.factory.tls.creator)

    def expect_handshake(self) -> None:
        """Expect a TLS handshake, which has begun or begins now."""
        self._handshake = Handshake(self._connection.transport, self._connection.factory.settings.clock)

    def handshake_completed(self) -> None:
        """Continue after the TLS handshake.  Inside such TLS, a PROXY header comes first."""
        if not self.begun:
            self._handshake = None
        elif self._handshake is not None:
            self._tls_stands()

    def handshake_failed(self, why: str) -> bool:
        """
        Log that a TLS handshake has failed, if one is not complete.

        Args:
            why: The reason, for the log.

        Returns:
            True if one was not complete.
        """
        handshake, self._handshake = self._handshake, None
        if handshake is None:
            return False
        if self._starttls or why != CLOSED or not handshake.is_port_check:
            log.info("session={session} the TLS handshake with [{peer}] failed: {why}", **self._ids, why=why)
        return True

    # ---- inside

    @property
    def _ids(self) -> dict[str, str]:
        """The fields of a log event."""
        connection = self._connection.dialog.connection
        return {"session": connection.session_id, "peer": connection.peer_host}

    def _refusal(self) -> Reply | None:
        """Count the connection for its client, and return the reply for a client that is not admitted, else None."""
        if not self._room:
            stopping = self._connection.factory.admission.stopping
            return replies.SHUTTING_DOWN_421 if stopping else replies.TOO_MANY_CONNECTIONS_421
        if trusted(self._connection.dialog):
            return None  # it may have connections for many, see SMTPServer.admit_client
        return None if self._connection.admit_client() else replies.TOO_MANY_CONNECTIONS_421

    def _ask_for_addresses(self) -> None:
        connection, transport = self._connection.dialog.connection, self._connection.transport
        connection.peer, connection.host = transport.getPeer(), transport.getHost()

    def _begin(self) -> None:
        """The client is known: greet, unless there are too many."""
        self.begun = True
        factory, dialog = self._connection.factory, self._connection.dialog
        self._connection.limits.await_client()
        if factory.settings.observers.connected is not None:
            factory.settings.observers.connected(dialog.connection)
        refusal = self._refusal()
        if refusal is not None:
            dialog.say_goodbye(refusal)
        elif factory.greeting_delay > 0:
            self._connection.limits.set("greeting", factory.greeting_delay)
        else:
            self.greet()

    def _tls_stands(self) -> None:
        self._handshake = None
        connection = self._connection
        if self._starttls:
            connection.opening = None
        connection.dialog.tls_started(TLSState(tls_connection(connection.transport), server=True))
        if self._awaits_tls:
            self._connection.limits.clear("greeting")
            self.greet()
