"""TCP ports of this machine: free ones, for servers that are other processes, and ports of this process."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol


def free_port(host: str = "127.0.0.1") -> int:
    """
    Return a port on which no program listens.

    It is below the range from which clients have their ports: a connection could take one of those before the server
    listens.

    Args:
        host: An IP address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.create_server((host, port), family=family):
            return port


async def listening(reactor: Any, make: Callable[[], Protocol]) -> Any:
    """
    Listen on a port of the loopback interface, for what a network in memory cannot show.

    Args:
        reactor: The reactor.
        make: Returns the protocol of each connection.

    Returns:
        The port; ``stopListening`` closes it.
    """
    factory = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda address: make()  # type: ignore[method-assign,assignment]
    return await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
