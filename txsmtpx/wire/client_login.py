"""The login of a client: which mechanism it uses, and what follows if that fails."""

from __future__ import annotations

from collections.abc import Collection

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.login import log_in
from txsmtpx.errors import NotOffered, ProtocolError, SMTPError
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ComputingClient, FreshClient, IBindable, SASLClientLike
from txsmtpx.interfaces.provided import provides
from txsmtpx.sasl.strongest_mechanism import after, strongest
from txsmtpx.wire.client_settings import Auth
from txsmtpx.wire.tls_state import TLSState


class ClientLogin:
    """
    One login on one connection.  `txsmtpx.wire.client_session.ClientSession` creates it.

    Args:
        dialog: The dialog of the connection.
        auth: What the caller has given.
        tls: TLS of the connection.
    """

    def __init__(self, dialog: ClientDialog, auth: Auth, tls: TLSState | None) -> None:
        self._dialog = dialog
        self._auth = auth
        self._tls = tls
        self._bindings = {} if tls is None else tls.bindings

    @property
    def _offered(self) -> Collection[str]:
        return self._dialog.offer.extensions.get("AUTH", ())  # type: ignore[no-any-return]

    def mechanism(self) -> SASLClientLike:
        """
        Return the mechanism to begin with.

        Returns:
            The client half of it.

        Raises:
            NotOffered: The server offers no mechanism that fits.
        """
        if isinstance(self._auth, tuple):
            return strongest(self._offered, *self._auth, bool(self._bindings))
        if asciitext.upper(self._auth.name) not in self._offered:
            raise NotOffered(f"the server does not offer AUTH {self._auth.name}", command="AUTH", temporary=True)
        return self._auth.fresh() if provides(self._auth, FreshClient) else self._auth

    async def run(self) -> Reply:
        """
        Log in.

        Returns:
            The reply that accepts the login.

        Raises:
            NotOffered: The server offers no mechanism that fits.
            SMTPError: The server rejects the login.
            ProtocolError: The server breaks the protocol or the mechanism.
        """
        client = self.mechanism()
        if IBindable.providedBy(client):
            client.bind(self._bindings, self._offered)
        if provides(client, ComputingClient):
            client.compute_by(self._dialog.wire.in_thread)
        try:
            return await log_in(self._dialog, client)
        except (SMTPError, ProtocolError):
            other = self._after(client)
            if other is None or self._dialog.failure is not None:
                raise
        return await log_in(self._dialog, other)

    def _after(self, failed: SASLClientLike) -> SASLClientLike | None:
        """Return what is tried next, if anything: not in the clear, and not if the caller has chosen the mechanism."""
        if self._tls is None or not isinstance(self._auth, tuple):
            return None
        return after(failed, self._offered, *self._auth)
