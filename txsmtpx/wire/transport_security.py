"""
The contract between the connections to the exchangers of a domain and what decides about their TLS.

`txsmtpx.MXSecurity` decides by DANE, MTA-STS and a table of policies.  Without it, the settings of the client decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.dns_records import Records


@dataclass(frozen=True)
class Exchangers:
    """
    The exchangers of a domain, as the DNS has answered.

    Attributes:
        domain: The domain, as A-labels.
        names: Their names, the preferred one first.
        secure: True if the answer was validated by DNSSEC.
        canonical: The last target of the aliases of the domain; the domain itself without aliases.
        port: The port of each exchanger.
    """

    domain: str
    names: Sequence[str]
    secure: bool = False
    canonical: str = ""
    port: int = 25


@dataclass(frozen=True)
class Host:
    """
    An exchanger whose addresses have been looked up.

    Attributes:
        name: Its name.
        secure: True if its addresses were validated by DNSSEC, the aliases included.
        canonical: The last target of the aliases of its name; the name itself without aliases.
    """

    name: str
    secure: bool = False
    canonical: str = ""


class HostTLS(Protocol):
    """
    The decision about the TLS of one connection to an exchanger.

    Attributes:
        mode: "none", "opportunistic" or "required".
    """

    @property
    def mode(self) -> TLSMode:
        """The mode of TLS."""

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

    def ended(self, error: Exception | None, address: str, encrypted: bool) -> None:
        """
        Note that the connection is ready, or has failed before that.

        Args:
            error: Why it has failed; None if it is ready.
            address: The address of the exchanger; "" if it is not known.
            encrypted: True if there is TLS.
        """


class TransportSecurity(Protocol):
    """Decides about TLS to the exchangers of domains."""

    async def host(self, exchangers: Exchangers, host: Host, records: Records) -> HostTLS:
        """
        Decide about a connection to an exchanger.

        Args:
            exchangers: The exchangers of the domain.
            host: The one that is connected.
            records: Looks up records with the resolver that has found them.

        Returns:
            The decision.

        Raises:
            TLSFailed: The exchanger must not get mail for the domain, or the DNS gives no usable answer about it.
        """
