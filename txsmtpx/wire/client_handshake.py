"""
TLS of a client's connection: from the first octet, or after STARTTLS (RFC 3207).

The server's half is `txsmtpx.wire.handshake`.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionLost
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, ISSLTransport
from twisted.python.failure import Failure

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.failure import own_failure
from txsmtpx.errors import ConnectionAborted, DeliveryError, NetworkError, TLSFailed
from txsmtpx.wire.client_tls import ClientTLS, tls_failure
from txsmtpx.wire.dane_tls import DANETLS
from txsmtpx.wire.handshake import tls_connection
from txsmtpx.wire.tls_state import TLSState


class TLSCapable(Protocol):
    """A transport that can begin TLS (`twisted.internet.interfaces.ITLSTransport`)."""

    def startTLS(self, contextFactory: IOpenSSLClientConnectionCreator) -> object:
        """
        Begin TLS.

        Args:
            contextFactory: The options of TLS.

        Returns:
            Nothing of use.
        """


class ClientHandshake:
    """
    The handshakes of one connection.  `txsmtpx.wire.client_protocol.ClientProtocol` creates it.

    Attributes:
        pending: True if a handshake is not complete.
        tls: What was negotiated; None in the clear.

    Args:
        dialog: The dialog of the connection.
        options: The options of TLS if that begins with the first octet, for the text of errors.
    """

    def __init__(self, dialog: ClientDialog, options: IOpenSSLClientConnectionCreator | None) -> None:
        self.pending: bool = False
        self.tls: TLSState | None = None
        self._dialog = dialog
        self._options = options
        self._secured: Deferred[None] | None = None

    def connection_made(self, transport: object) -> None:
        """
        Expect a handshake if TLS begins with the first octet.

        Args:
            transport: The transport.
        """
        self.pending = ISSLTransport.providedBy(transport)

    def start(self, transport: TLSCapable, options: IOpenSSLClientConnectionCreator) -> Deferred[None]:
        """
        Begin TLS.

        Args:
            transport: The transport.
            options: The options of TLS.

        Returns:
            A Deferred that fires when TLS is established.
        """
        self.pending = True
        secured = self._secured = Deferred(self._cancelled)
        self._options = options
        transport.startTLS(options)
        return secured

    def completed(self, transport: object) -> None:
        """
        Note that the handshake is complete.  With TLSA records, the connection fails if none matches.

        Args:
            transport: The transport; a wrapper around it, such as one that writes a PROXY header, is looked through.
        """
        connection = tls_connection(transport)
        if isinstance(self._options, DANETLS):
            self._options.verify(connection)
            if self._options.refused is not None:
                self._dialog.fail(TLSFailed(self._options.refused))
                return
        self.tls = TLSState(connection)
        if isinstance(self._options, DANETLS | ClientTLS):
            self.tls.verified = self._options.authenticates and self._options.refused is None
        self.pending = False
        secured, self._secured = self._secured, None
        if secured is not None:
            secured.callback(None)

    def failure(self, reason: BaseException | None) -> DeliveryError:
        """
        Describe the end of the connection.

        Args:
            reason: Why it has ended.

        Returns:
            An error of its own: reactors share one among all connections.
        """
        failed = tls_failure(self._options, reason, self.pending)
        if failed is not None:
            return failed
        if isinstance(reason, error.ConnectionAborted):  # by this end
            return ConnectionAborted(str(reason))
        if not isinstance(reason, ConnectionClosed):
            reason = ConnectionLost(f"{type(reason).__name__}: {reason}")
        return NetworkError.of(reason, "TLS" if self.pending else "")

    def lost(self, error: DeliveryError) -> None:
        """
        Note the end of the connection.

        Args:
            error: What the Deferred of `start` fails with, if it is waiting.
        """
        self.pending = False
        secured, self._secured = self._secured, None
        if secured is not None:
            secured.errback(own_failure(error))
        if self.tls is not None:
            self.tls.lost()

    def _cancelled(self, secured: Deferred[None]) -> None:
        self._secured = None
        secured.errback(Failure(self._dialog.cancel("TLS")))
