"""The decisions about the TLS of one connection to an exchanger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from txsmtpx.errors import NotOffered, TLSFailed
from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.client_tls import ClientTLS, TLSResult, UnverifiedTLS
from txsmtpx.wire.dane_tls import DANETLS

MakeTLS = Callable[[ClientSettings], ClientTLS | DANETLS | UnverifiedTLS]
"""Makes the options of TLS."""


@dataclass
class HostDecision:
    """
    A decision.  `txsmtpx.MXSecurity` creates it.

    Args:
        mode: "none", "opportunistic" or "required".
        make: Makes the options of TLS.
        session: What is known of the connection before it ends: its failure too, if the policy is only tested.
        tell: Called at its end.
    """

    mode: TLSMode
    make: MakeTLS
    session: TLSSession
    tell: Callable[[TLSSession], object]
    _made: ClientTLS | DANETLS | UnverifiedTLS | None = None

    def options(self, settings: ClientSettings) -> IOpenSSLClientConnectionCreator:
        """
        Return the options of TLS.

        Args:
            settings: The settings of the client, which have the trusted authorities and the client's certificate.

        Returns:
            The options.

        Raises:
            TLSFailed: No certificate can be verified for this host.
        """
        try:
            self._made = self.make(settings)
        except UnicodeError as error:
            raise TLSFailed(f"no certificate can be verified for this name: {error}") from error
        return self._made

    def ended(self, error: Exception | None, address: str, encrypted: bool) -> None:
        """
        Note that the connection is ready, or has failed before that.

        Args:
            error: Why it has failed; None if it is ready.
            address: The address of the exchanger; "" if it is not known.
            encrypted: True if there is TLS.
        """
        if self.mode == "none":
            return
        failure, text = self._failure(error, encrypted)
        if failure is None:
            failure, text = self.session.failure, self.session.text
        self.tell(replace(self.session, address=address, failure=failure, text=text, delivers=error is None))

    def _failure(self, error: Exception | None, encrypted: bool) -> tuple[TLSResult | None, str]:
        made = self._made
        if isinstance(made, ClientTLS | DANETLS) and made.refused is not None:
            return made.result, made.refused
        if isinstance(error, NotOffered) or (error is None and not encrypted):
            return "starttls-not-supported", "the server does not offer STARTTLS"
        return (None, "") if error is None else ("validation-failure", str(error))
