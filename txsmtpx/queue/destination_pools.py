"""The connections to a destination: those of its route, or those to the exchangers of its domain."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime

from txsmtpx.interfaces import ClientEndpoint
from txsmtpx.queue.route import Routes
from txsmtpx.wire.dns_records import NoSuchDomain
from txsmtpx.wire.mx import MXEndpoint
from txsmtpx.wire.pool import SMTPPool


class DestinationPools:
    """
    Create pools of connections.  `txsmtpx.MailQueue` creates it.

    Args:
        reactor: The reactor.
        routes: The routes.
        size: Connections to each destination at a time.
        domain: The name of this host in EHLO; "" for its address.
    """

    def __init__(self, reactor: IReactorTime, routes: Routes, size: int, domain: str) -> None:
        self._reactor = reactor
        self._routes = routes
        self._size = size
        self._domain = domain

    def pool(self, key: str) -> SMTPPool:
        """
        Create the pool of a destination.

        Args:
            key: The domain of a route, or a domain.

        Returns:
            The pool.  To the exchangers of a domain, TLS is used if they offer it, with any certificate: a sender that
            required more could not deliver to most domains (RFC 7672 §1.3).
        """
        route = self._routes.get(key)
        if route is None:
            return SMTPPool(
                self._exchangers(key),
                size=self._size,
                domain=self._domain,
                tls="opportunistic",
                tls_verify=False,
                reactor=self._reactor,
            )
        pool = SMTPPool(route.endpoint, size=route.connections or self._size, reactor=self._reactor)
        pool.settings = replace(route.settings, domain=self._domain)
        return pool

    def _exchangers(self, domain: str) -> ClientEndpoint:
        try:
            return MXEndpoint(self._reactor, domain)
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
