"""A factory of servers with prepared replies."""

from __future__ import annotations

from typing import Unpack, cast

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTCP
from twisted.internet.protocol import Factory

from txsmtpx.arguments import checked
from txsmtpx.interfaces import Clock
from txsmtpx.testing.keywords import ScriptKeywords
from txsmtpx.testing.layer import OwnClock
from txsmtpx.testing.scripted_server import ScriptedServer


class Script(Factory):
    """
    A factory of `ScriptedServer`, for `txsmtpx.testing.Network` or a port.

    Args:
        script: The arguments of each `ScriptedServer`.

    Attributes:
        servers: The server of each connection so far.
        host: The address of `listen`: 127.0.0.1.
        port: The port of `listen`; 0 before.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
    """

    host = "127.0.0.1"

    noisy = False

    @checked
    def __init__(self, **script: Unpack[ScriptKeywords]) -> None:
        ScriptedServer(**script)  # which refuses what cannot be used
        self._script = script
        self.servers: list[ScriptedServer] = []
        self.port: int = 0

    def buildProtocol(self, addr: IAddress | None) -> ScriptedServer:
        """
        Return the server of a connection, at the beginning of the script.

        Args:
            addr: The address of the client.

        Returns:
            The server.
        """
        server = ScriptedServer(**self._script)
        self.servers.append(server)
        return server

    @property
    def endpoint(self) -> str:
        """The endpoint of `listen` as a string, for clients of this library."""
        return f"tcp:{self.host}:{self.port}"

    def listen(self, reactor: Clock) -> IListeningPort:
        """
        Listen on a port of the loopback interface.

        Args:
            reactor: The reactor.

        Returns:
            The port, with ``stopListening``.
        """
        factory = OwnClock(self, reactor)
        listening = cast(IReactorTCP, reactor).listenTCP(0, factory, interface=self.host)  # type: ignore[arg-type]
        self.port = cast(IPv4Address, listening.getHost()).port
        return listening
