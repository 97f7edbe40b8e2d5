"""The login of a client: which mechanism it uses, and what follows if that fails."""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.login import fetched, log_in
from txsmtpx.errors import CommandCancelled, NetworkError, NotOffered, ProtocolError, SMTPError
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ComputingClient, FreshClient, IBindable, SASLClientLike
from txsmtpx.interfaces.provided import provides
from txsmtpx.sasl.strongest_mechanism import after, strongest
from txsmtpx.wire.client_settings import Auth
from txsmtpx.wire.oauth2 import OAuth2
from txsmtpx.wire.tls_state import TLSState

WRONG_CREDENTIALS = 535
"""The reply to credentials that are wrong (RFC 4954 §6)."""


class ClientLogin:
    """
    One login on one connection.  `txsmtpx.wire.client_session.ClientSession` creates it.

    Args:
        dialog: The dialog of the connection.
        auth: What the caller has given.
        tls: TLS of the connection.
        reactor: The reactor of the connection.
    """

    def __init__(self, dialog: ClientDialog, auth: Auth, tls: TLSState | None, reactor: IReactorTime) -> None:
        self._dialog = dialog
        self._reactor = reactor
        self._auth = auth
        self._tls = tls
        self._bindings = {} if tls is None else tls.bindings

    @property
    def _offered(self) -> Collection[str]:
        return self._dialog.offer.extensions.get("AUTH", ())  # type: ignore[no-any-return]

    def check(self) -> None:
        """
        Check that the server offers a mechanism that fits.

        Raises:
            NotOffered: It offers none.
        """
        if isinstance(self._auth, OAuth2):
            self._auth.mechanism(self._offered)
        else:
            self._mechanism(self._auth)

    def _mechanism(self, auth: tuple[str, str] | SASLClientLike) -> SASLClientLike:
        """
        Return the mechanism to begin with.

        Returns:
            The client half of it.

        Raises:
            NotOffered: The server offers no mechanism that fits.
        """
        if isinstance(auth, tuple):
            return strongest(self._offered, *auth, bool(self._bindings))
        if asciitext.upper(auth.name) not in self._offered:
            raise NotOffered(f"the server does not offer AUTH {auth.name}", command="AUTH", temporary=True)
        return auth.fresh() if provides(auth, FreshClient) else auth

    async def run(self) -> Reply:
        """
        Log in.

        Returns:
            The reply that accepts the login.

        Raises:
            NotOffered: The server offers no mechanism that fits.
            TokenFailed: There is no access token.
            SMTPError: The server rejects the login.
            ProtocolError: The server breaks the protocol or the mechanism.
        """
        if isinstance(self._auth, OAuth2):
            return await self._by_token(self._auth)
        client = self._mechanism(self._auth)
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

    async def _by_token(self, auth: OAuth2) -> Reply:
        """Log in with an access token; if the server rejects it, once more with a new one."""
        mechanism = auth.mechanism(self._offered)
        token = await self._token(auth)
        client = mechanism(auth.username, token)
        try:
            return await log_in(self._dialog, client)
        except SMTPError as error:
            if error.code != WRONG_CREDENTIALS and not client.refused:
                raise
            auth.reject(token)
            if self._dialog.failure is not None:
                raise
            rejected = error
        try:
            return await log_in(self._dialog, mechanism(auth.username, await self._token(auth)))
        except NetworkError:  # the server has closed the connection after its reply
            raise rejected from None

    async def _token(self, auth: OAuth2) -> str:
        try:
            return await fetched(self._dialog, auth.token(self._reactor))
        except CancelledError as error:
            raise CommandCancelled("the caller cancelled it", command="AUTH") from error

    def _after(self, failed: SASLClientLike) -> SASLClientLike | None:
        """Return what is tried next, if anything: not in the clear, and not if the caller has chosen the mechanism."""
        if self._tls is None or not isinstance(self._auth, tuple):
            return None
        return after(failed, self._offered, *self._auth)
