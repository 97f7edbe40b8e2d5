"""A real port, for what a network in memory cannot show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol


async def listening(reactor: Any, make: Callable[[], Protocol]) -> Any:
    """A port of the loopback interface where ``make`` makes the servers; ``stopListening`` ends it."""
    factory = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda address: make()  # type: ignore[method-assign,assignment]
    return await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
