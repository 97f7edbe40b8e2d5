"""
Mail exchangers: RFC 5321 §5.1, RFC 7505.
"""

from __future__ import annotations

import random
import socket
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.names import dns
from twisted.names.error import AuthoritativeDomainError, DNSNameError, DNSQueryTimeoutError, DomainError, ResolverError
from twisted.plugin import IPlugin
from zope.interface import implementer

from txsmtpx.grammar.domain import to_a_label
from txsmtpx.wire.description import check_host, check_port

_NO_ANSWER = (DomainError, AuthoritativeDomainError, DNSQueryTimeoutError, ResolverError)


class NullMX(DNSLookupError):
    """The domain says that it takes no mail (RFC 7505)."""


class NoSuchDomain(DNSLookupError):
    """There is no such domain, or it has no address."""


@implementer(IStreamClientEndpoint)
class MXEndpoint:
    """
    The mail servers of a domain: by preference, equals in any order, each address in turn.

    As a string: C{mx:example.net}, or with another port C{mx:example.net:port=2525}.
    """

    def __init__(self, reactor: Any, domain: str, port: int = 25, timeout: float = 30, resolver: Any = None) -> None:
        """
        @param reactor: connects, and keeps the time.
        @param domain: what stands behind the @; looked up as its A-labels (RFC 5891).
        @param port: of each server.
        @param timeout: seconds for each address.
        @param resolver: of L{twisted.names}; None for the system's, looked for when it is first needed.
        @raise ValueError: C{domain} is none.
        """
        self._reactor = reactor
        self._domain = to_a_label(domain)
        self._port = port
        self._timeout = timeout
        self._resolver = resolver

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the first that answers; the protocol's C{server_name} is then the name of the exchanger.

        @raise NullMX: it takes no mail.
        @raise NoSuchDomain: it does not exist.
        @raise ConnectError: none of its servers answers; the error is that of the last.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        why: Exception = NoSuchDomain(f"{self._domain} has no mail server with an address")
        for name in await self.exchangers():
            for endpoint in await self._endpoints(name):
                try:
                    protocol = await endpoint.connect(factory)
                except (CancelledError, ConnectingCancelledError):
                    raise
                except Exception as error:  # whatever it is, the next may answer
                    why = error
                else:
                    protocol.server_name = name
                    return protocol  # type: ignore[no-any-return]  # endpoints are not generic
        raise why

    async def exchangers(self) -> list[str]:
        """
        Names, the best first; the domain itself where it has no MX.

        @raise NullMX: it takes no mail.
        @raise NoSuchDomain: it does not exist.
        """
        try:
            answers, _, _ = await self._names().lookupMailExchange(self._domain)
        except (DNSNameError, AuthoritativeDomainError):
            raise NoSuchDomain(f"there is no domain {self._domain}") from None
        except _NO_ANSWER as error:
            raise DNSLookupError(f"the MX of {self._domain} could not be looked up: {type(error).__name__}") from error
        found = [(record.payload.preference, str(record.payload.name)) for record in answers if record.type == dns.MX]
        if any(name in ("", ".") for _, name in found):
            raise NullMX(f"{self._domain} takes no mail (null MX)")
        random.shuffle(found)  # and the sort is stable: equals stay shuffled
        return [name for _, name in sorted(found, key=lambda pair: pair[0])] or [self._domain]

    async def _endpoints(self, name: str) -> list[Any]:
        """One for each address."""
        endpoints: list[Any] = []
        for look_up, kind, endpoint in (
            (self._names().lookupIPV6Address, dns.AAAA, TCP6ClientEndpoint),
            (self._names().lookupAddress, dns.A, TCP4ClientEndpoint),
        ):
            try:
                answers, _, _ = await look_up(name)
            except _NO_ANSWER:
                continue
            addresses = [record.payload.dottedQuad() for record in answers if record.type == kind == dns.A]
            addresses += [_ipv6(record) for record in answers if record.type == kind == dns.AAAA]
            endpoints += [endpoint(self._reactor, address, self._port, self._timeout) for address in addresses]
        return endpoints

    def _names(self) -> Any:
        if self._resolver is None:
            from twisted.names import client

            self._resolver = client.getResolver()
        return self._resolver


def _ipv6(record: Any) -> str:
    return socket.inet_ntop(socket.AF_INET6, record.payload.address)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class MXParser:
    """C{mx:DOMAIN:port=N:timeout=S}, for C{clientFromString}."""

    prefix = "mx"

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> MXEndpoint:
        """
        @raise ValueError: there is no domain, or port or timeout are no numbers.
        @raise TypeError: there is something else.
        """
        return _parsed(reactor, *args, **kwargs)


def _parsed(reactor: Any, domain: str, port: str = "25", timeout: str = "30") -> MXEndpoint:
    if not domain:
        raise ValueError("mx: needs a domain")
    check_host(domain)
    check_port(int(port))
    return MXEndpoint(reactor, domain, int(port), float(timeout))
