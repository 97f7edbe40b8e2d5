"""The connections to a destination: those of its route, or those to the exchangers of its domain."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime

from txsmtpx.grammar.domain_table import EVERY_DOMAIN
from txsmtpx.interfaces import ClientEndpoint
from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
from txsmtpx.queue.route import Routes
from txsmtpx.wire.dns_records import NoSuchDomain
from txsmtpx.wire.mx import MXEndpoint
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.transport_security import TransportSecurity


class DestinationPools:
    """
    Create pools of connections.  `txsmtpx.MailQueue` creates it.

    Args:
        reactor: The reactor.
        routes: The routes.
        size: Connections to each destination at a time.
        domain: The name of this host in EHLO; "" for its address.
        security: Decides about TLS to the exchangers of domains.
        resolver: Looks up exchangers; None for the name servers of the system.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        routes: Routes,
        size: int,
        domain: str,
        security: TransportSecurity,
        resolver: SystemResolver | None = None,
    ) -> None:
        self._security = security
        self._resolver = resolver
        self._reactor = reactor
        self._routes = routes
        # Made once, for that reads files: one that is damaged later must not stop the dispatcher.
        self._settings = {
            key: replace(route.settings, domain=domain)
            for key in routes.keys()  # noqa: SIM118  # Routes is no mapping
            if (route := routes.get(key)) is not None
        }
        self._size = size
        self._domain = domain

    def pool(self, key: str, secured: bool = True) -> SMTPPool:
        """
        Create the pool of a destination.

        Args:
            key: The domain of a route, or a domain.
            secured: False if TLS to exchangers is used without the policies of their domain, for messages with
                "TLS-Required: No" (RFC 8689 §3).

        Returns:
            The pool.
        """
        route = self._routes.get(key)
        if route is None:
            return SMTPPool(
                self.endpoint(key, secured), size=self._size, domain=self._domain, reactor=self._reactor
            )
        pool = SMTPPool(route.endpoint, size=route.connections or self._size, reactor=self._reactor)
        pool.settings = self._settings[key]
        return pool

    def endpoint(self, domain: str, secured: bool) -> ClientEndpoint:
        """
        Return the endpoint of the exchangers of a domain.

        Args:
            domain: The domain.
            secured: As for `pool`.

        Returns:
            The endpoint.
        """
        security = self._security if secured else MXSecurity([TLSPolicy(EVERY_DOMAIN, "may")])
        try:
            return MXEndpoint(self._reactor, domain, resolver=self._resolver, security=security)
        except ValueError as error:  # such as the literal [x400:a], whose syntax RFC 5321 §4.1.3 allows
            return NoExchanger(str(error))


class NoExchanger:
    """
    The endpoint of a domain that can have no mail server.  Mail for it is returned.

    Args:
        reason: What is wrong with the domain.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connect(self, protocolFactory: IProtocolFactory, /) -> Deferred[IProtocol]:
        """
        Fail.

        Args:
            protocolFactory: It is not used.

        Returns:
            A Deferred that has failed with `txsmtpx.NoSuchDomain`.
        """
        return fail(NoSuchDomain(self._reason))
