"""
The addresses of one host, for failover among them (RFC 8305).

`HostnameEndpoint` of Twisted stops at the first address that connects.  Whether the server at that address can be used
is known only later, and then the next address is tried (`txsmtpx.wire.failover`).
"""

from __future__ import annotations

from typing import TypeVar, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IReactorPluggableNameResolver,
    IReactorTime,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.dns_records import DNSFailed, host_name
from txsmtpx.wire.failover import Failover
from txsmtpx.wire.twisted_internals import BindAddress

T = TypeVar("T")


@implementer(IResolutionReceiver)
class _Receiver:
    """
    Receives addresses from the resolver of the reactor.

    Attributes:
        done: Fires with all addresses.
    """

    def __init__(self) -> None:
        self.done: Deferred[list[str]] = Deferred()
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Do nothing: no address is known yet."""

    def addressResolved(self, address: IAddress) -> None:
        """Keep an address."""
        self._addresses.append(address.host)  # type: ignore[attr-defined]  # IPv4Address and IPv6Address have it

    def resolutionComplete(self) -> None:
        """Fire, unless the time limit has passed."""
        if not self.done.called:
            self.done.callback(self._addresses)


class HostServers:
    """
    A host whose addresses the resolver of the reactor looks up; by default, that is the resolver of the system.

    txsmtpx.wire.connect.target creates one for endpoint strings that begin with tcp: or tls:.

    Args:
        reactor: Looks up, connects, and provides time.
        name: The name or IP address of the host.
        port: The port.
        timeout: Seconds for the look-up, and for a connection to each address.
        bind_address: The address of the client's end; None for any.
    """

    def __init__(
        self, reactor: IReactorTime, name: str, port: int, timeout: float, bind_address: BindAddress
    ) -> None:
        self._reactor = reactor
        self._name = name
        self._port = port
        self._timeout = timeout
        self._bind_address = bind_address

    async def choose(self, failover: Failover[T]) -> T:
        """
        Run a failover among the addresses.

        Args:
            failover: The failover.

        Returns:
            Its result.

        Raises:
            DNSFailed: The resolver has no address.
            AllServersFailed: None of several addresses can be used.
        """
        return await failover.run(self._name, [self._name])

    def addresses(self, host: str) -> AddressLookup:
        """
        Begin to look up the addresses of the host.

        Args:
            host: The name or IP address of the host.

        Returns:
            The look-up.
        """
        return AddressLookup(self._reactor, [Deferred.fromCoroutine(self._look_up(host))])

    async def _look_up(self, host: str) -> list[str]:
        if isIPAddress(host) or isIPv6Address(host):
            return [host]
        receiver = _Receiver()
        resolver = cast(IReactorPluggableNameResolver, self._reactor).nameResolver
        resolver.resolveHostName(receiver, host_name(host), portNumber=self._port)
        found: list[str] = await receiver.done.addTimeout(self._timeout, self._reactor, lambda result, seconds: [])
        if not found:
            raise DNSFailed(f"{host} could not be looked up: the system's resolver has no address")
        return found

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint of one address.

        Args:
            address: An IP address of the host.

        Returns:
            The endpoint.
        """
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self._port, self._timeout, self._bind_address)
