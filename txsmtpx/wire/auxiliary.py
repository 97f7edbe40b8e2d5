"""
Connections that carry no mail: those of the web inbox and of the figures for Prometheus.

They share the file descriptors of the process with mail.  A limit to them leaves most of the descriptors for mail.
L{most_connections} is this limit.  The inbox applies it by itself (L{txsmtpx.web.connections}), since it knows which
connections are silent; L{AuxiliaryFactory} applies it for a port that does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from txsmtpx.wire.descriptors import limit

if TYPE_CHECKING:
    _WrappingFactory = WrappingFactory[ProtocolWrapper]
else:
    _WrappingFactory = WrappingFactory  # which takes no parameter before Twisted 25

log = Logger(__name__)

SHARE = 8
"""One of so many file descriptors may be that of a connection of one such port."""


def most_connections(most: int, limit: Callable[[], int] = limit) -> int:
    """
    Return how many connections a port that carries no mail may have at a time.

    Args:
        most: the number where the process may have any number of descriptors.
        limit: how many descriptors the process may have, 0 where nobody counts.

    Returns:
        The lesser of C{most} and an eighth of the descriptors; at least 1.
    """
    descriptors = limit()
    return min(most, max(1, descriptors // SHARE)) if descriptors else most


class Refused(Protocol):
    """
    A connection beyond the limit.

    A factory returns it instead of None, since the factory that Twisted puts around another one for TLS takes no None.
    """

    transport: Any

    def connectionMade(self) -> None:
        """Close the connection, and do not wait for the client: it may not even begin with TLS."""
        self.transport.abortConnection()


class AuxiliaryFactory(_WrappingFactory):
    """
    A factory around another that closes connections beyond a limit at once.

    @ivar most: how many connections there may be at a time.
    """

    noisy = False

    def __init__(self, factory: Any, name: str, most: int, limit: Callable[[], int] = limit) -> None:
        """
        @param factory: makes the protocols.
        @param name: what the log calls it.
        @param most: connections at a time, also where the process may have any number of descriptors.
        @param limit: see L{most_connections}.
        """
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.most = most_connections(most, limit)
        self._name = name
        self._refusing = False

    def buildProtocol(self, addr: Any) -> Any:
        """A connection, L{Refused} beyond the limit."""
        if len(self.protocols) < self.most:
            return super().buildProtocol(addr)
        if not self._refusing:
            self._refusing = True
            log.warn("{name} has {number} connections: more are refused", name=self._name, number=self.most)
        return Refused()

    def unregisterProtocol(self, p: Any) -> None:
        """A connection is gone."""
        super().unregisterProtocol(p)  # type: ignore[no-untyped-call]
        if self._refusing and len(self.protocols) <= self.most // 2:  # so that the log is not filled either
            self._refusing = False
            log.info("{name} accepts connections again", name=self._name)
