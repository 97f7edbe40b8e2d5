"""The connections to a destination: those of its route, or those to the exchangers of its domain."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.interfaces import IReactorTime

from txsmtpx.queue.route import Routes
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
            exchangers = MXEndpoint(self._reactor, key)
            return SMTPPool(
                exchangers,
                size=self._size,
                domain=self._domain,
                tls="opportunistic",
                tls_verify=False,
                reactor=self._reactor,
            )
        pool = SMTPPool(route.endpoint, size=route.connections or self._size, reactor=self._reactor)
        pool.settings = replace(route.settings, domain=self._domain)
        return pool
