"""A port of the command: an endpoint, and the option that describes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.command.sockets import Sockets
from txsmtpx.grammar.host import plain_address
from txsmtpx.wire.description import fault


class NotListening(CannotListenError):
    """
    A port cannot be opened.  The text names the option.

    Args:
        port: The port.
        why: Why it cannot be opened.
    """

    def __init__(self, port: Port, why: str) -> None:
        CannotListenError.__init__(self, None, port.description, why)
        self._text = f"{port.asked_by}: {why}"

    def __str__(self) -> str:
        return self._text


@implementer(IStreamServerEndpoint)
class Port:
    """
    A port, before and after it is opened.

    Args:
        option: The name of the option.
        asked_by: The place and the value of the option, such as ``--port tcp:25`` or ``mail.toml:3: port tcp:25``.
        description: The endpoint string.
        endpoint: The endpoint.
        sockets: The reactor of the endpoint.
        in_tls: True if TLS begins with the first octet, or with the first one after the PROXY header.

    Attributes:
        option: As in the arguments.
        asked_by: As in the arguments.
        description: As in the arguments.
        endpoint: As in the arguments.
        in_tls: As in the arguments.
        opened: The port of Twisted; None before it is opened.
    """

    def __init__(
        self,
        option: str,
        asked_by: str,
        description: str,
        endpoint: IStreamServerEndpoint,
        sockets: Sockets,
        in_tls: bool = False,
    ) -> None:
        self.option = option
        self.asked_by = asked_by
        self.description = description
        self.in_tls = in_tls
        self.opened: IListeningPort | None = None
        self.endpoint = endpoint
        self._sockets = sockets

    @property
    def _address(self) -> object:
        return None if self.opened is None else self.opened.getHost()

    @property
    def host(self) -> str | None:
        """The IP address on which an open TCP port listens; None for a UNIX socket."""
        address = self._address
        return str(address.host) if isinstance(address, IPv4Address | IPv6Address) else None

    @property
    def number(self) -> int | None:
        """The number of an open TCP port."""
        address = self._address
        return int(address.port) if isinstance(address, IPv4Address | IPv6Address) else None

    @property
    def is_for_all(self) -> bool:
        """True if an open TCP port listens on all interfaces."""
        return self.host is not None and ip_address(plain_address(self.host)).is_unspecified

    @property
    def is_local(self) -> bool:
        """True if an open TCP port listens on the loopback interface."""
        return self.host is not None and ip_address(plain_address(self.host)).is_loopback

    @property
    def place(self) -> str:
        """Where an open port listens, in words; the endpoint string if that is not known."""
        address = self._address
        if isinstance(address, UNIXAddress):
            return f"UNIX socket {os.fsdecode(address.name or b'').replace(chr(0), '@')}"
        if self.host is None:
            return self.description
        return f"{'all interfaces' if self.is_for_all else self.host}, port {self.number}"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.  See `IStreamServerEndpoint`.

        Args:
            protocolFactory: Makes the protocols.

        Returns:
            A Deferred of the port.  It fails with `NotListening`, whatever the endpoint raises.
        """
        self._sockets.asked_by = self.asked_by
        listening: Deferred[IListeningPort] = maybeDeferred(self.endpoint.listen, protocolFactory)
        return listening.addCallbacks(self._keep, self._explain)

    def _keep(self, opened: IListeningPort) -> IListeningPort:
        self.opened = opened
        return opened

    def _explain(self, failure: Failure) -> IListeningPort:
        error = failure.value
        if isinstance(error, CancelledError) or not isinstance(error, Exception):
            failure.raiseException()  # the service has stopped meanwhile
        raise NotListening(self, str(error) if isinstance(error, CannotListenError) else fault(error)) from error


def listening_services(service: object) -> Iterator[StreamServerEndpointService]:
    """
    Iterate over the services that listen on an endpoint.

    Args:
        service: A service, or several.

    Yields:
        The services, those within others too.
    """
    if isinstance(service, StreamServerEndpointService):
        yield service
    elif isinstance(service, Iterable):
        for each in service:
            yield from listening_services(each)
