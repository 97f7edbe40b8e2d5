"""
Connections that carry no mail: those of the web inbox and of the figures for Prometheus.

They share the file descriptors of the process with mail.  A limit to them leaves most of the descriptors for mail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
        @param limit: how many descriptors the process may have, 0 where nobody counts.
        """
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.most = min(most, limit() // SHARE or most)
        self._name = name
        self._refusing = False

    def buildProtocol(self, addr: Any) -> Any:
        """A connection, or None, which closes it."""
        if len(self.protocols) < self.most:
            return super().buildProtocol(addr)
        if not self._refusing:
            self._refusing = True
            log.warn("{name} has {number} connections: more are refused", name=self._name, number=self.most)
        return None

    def unregisterProtocol(self, p: Any) -> None:
        """A connection is gone."""
        super().unregisterProtocol(p)  # type: ignore[no-untyped-call]
        if self._refusing and len(self.protocols) <= self.most // 2:  # so that the log is not filled either
            self._refusing = False
            log.info("{name} accepts connections again", name=self._name)
