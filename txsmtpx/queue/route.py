"""
Routes: the server to which mail for a domain is sent, instead of the exchangers of the domain.

The most specific route counts: that of the domain, then that of the nearest domain above it, then that of all domains.
"""

from __future__ import annotations

from collections.abc import Iterable

from txsmtpx.arguments import checked_except
from txsmtpx.dialog.demands import EightBit
from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.domain_table import DomainTable, entry_key
from txsmtpx.interfaces import Endpoint, Reactor
from txsmtpx.wire.client_settings import Auth, ClientSettings, TLSMode
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.target import target


class Route:
    """
    The way to the mail server of a domain.

    Args:
        domain: The domain of recipients; ``".example.org"`` for the domains below it, ``"*"`` for all other domains.
        endpoint: The server; see `txsmtpx.connect` for this argument and those that follow.
        lmtp: True to use LMTP.
        tls: The TLS mode.
        auth: The user name and the password, a SASL mechanism, or `txsmtpx.OAuth2`.
        hostname: The name to verify in the certificate.
        trust_roots: The trusted authorities.
        tls_verify: False to accept any certificate.
        without: Keywords of extensions that are not used.
        eight_bit: "refuse" returns messages with octets above 127 if the server does not offer 8BITMIME.
        connections: Connections at a time; None for the limit of the queue for each destination.

    Attributes:
        domain: As in the arguments, in the form of `txsmtpx.domain_key`.
        endpoint: As in the arguments.
        settings: The settings of the connections.
        connections: As in the arguments.

    Raises:
        ValueError: A value cannot be used.
        TypeError: An argument is unknown or has the wrong type.

    Example:
        >>> smart_host = Route("*", "tls:smtp.example.com:465", auth=("shop", "secret"))
        >>> intern = Route("Example.ORG", "tcp:10.0.0.5:25", tls="none")
        >>> intern.domain
        'example.org'
    """

    @checked_except("endpoint", "tls", "auth", "trust_roots", "without")
    def __init__(
        self,
        domain: str,
        endpoint: Endpoint,
        *,
        lmtp: bool = ClientSettings.lmtp,
        tls: TLSMode | None = ClientSettings.tls,
        auth: Auth | None = ClientSettings.auth,
        hostname: str = ClientSettings.hostname,
        trust_roots: TrustRoots | None = ClientSettings.trust_roots,
        tls_verify: bool = ClientSettings.tls_verify,
        without: Iterable[str] = ClientSettings.without,
        eight_bit: EightBit = ClientSettings.eight_bit,
        connections: int | None = None,
    ) -> None:
        if connections is not None and connections < 1:
            raise ValueError(f"connections must be 1 or more, not {connections}")
        self.domain: str = _key(domain)
        self.endpoint = endpoint
        self.connections = connections
        self.settings = ClientSettings(
            lmtp=lmtp,
            tls=tls,
            auth=auth,
            hostname=hostname,
            trust_roots=trust_roots,
            tls_verify=tls_verify,
            without=without,
            eight_bit=eight_bit,
        )

    def __repr__(self) -> str:
        return f"<Route {self.domain}>"

    def check(self, reactor: Reactor) -> TLSMode:
        """
        Check the endpoint.

        Args:
            reactor: For endpoint strings.

        Returns:
            The TLS mode.

        Raises:
            ValueError: It is none, or contradicts the settings of TLS.
            TypeError: It is none.
        """
        return target(reactor, self.endpoint).tls_mode(self.settings)


class Routes:
    """
    All routes of a queue.

    Args:
        routes: The routes.

    Raises:
        ValueError: Two routes are for the same domain.
        TypeError: It is one route, without a list.

    Example:
        >>> routes = Routes([Route(".example.org", "tcp:10.0.0.5:25"), Route("*", "tls:smtp.example.com:465")])
        >>> [routes.key_of(domain) for domain in ("lists.example.org", "example.org")]
        ['.example.org', '*']
        >>> Routes([]).key_of("example.org")
        'example.org'
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        if isinstance(routes, Route):
            raise TypeError(f"routes is a list of routes, such as [Route(...)], not {routes!r}")
        self._routes: DomainTable[Route] = DomainTable()
        for route in routes:
            if self._routes.get(route.domain) is not None:
                raise ValueError(f"there are two routes for {route.domain}; leave one out")
            self._routes.add(route.domain, route)

    def keys(self) -> list[str]:
        """
        Return the keys of the destinations that have a route.

        Returns:
            The keys.
        """
        return list(self._routes)

    def key_of(self, domain: str) -> str:
        """
        Return the key of the destination of a domain.

        Args:
            domain: The domain of a recipient, in the form of `txsmtpx.domain_key`.

        Returns:
            The domain of the route that counts; the domain itself if its exchangers get the mail.
        """
        return self._routes.key_of(domain) or domain

    def destination_of(self, address: str) -> str:
        """
        Return the key of the destination of a recipient.

        Args:
            address: The address, with a domain.

        Returns:
            The key.

        Raises:
            ValueError: It has no domain.
        """
        domain = path.split(address)[1]
        if not domain:
            raise ValueError(f"the recipient {address!r} needs a domain, such as root@example.org")
        return self.key_of(domain_key(domain))

    def get(self, key: str) -> Route | None:
        """
        Return the route of a destination.

        Args:
            key: The key of the destination.

        Returns:
            The route; None if the key is a domain whose exchangers get the mail.
        """
        return self._routes.get(key)


def _key(domain: str) -> str:
    """
    Return the key of a route.

    Returns:
        The domain in the form in which domains are compared.

    Raises:
        ValueError: It is no domain.
    """
    try:
        return entry_key(domain)
    except ValueError:
        text = f'a route is for a domain, such as example.org, .example.org or "*", not {domain!r}'
        raise ValueError(text) from None
