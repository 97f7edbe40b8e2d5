"""
File descriptors: no new connections while there are few left.

A process that has none left can neither accept a connection nor open a file to put a message in, and a port
that is ready but cannot accept is ready for ever.  So every port of the process stops accepting while some are left for
the connections that are open.  New clients wait in the queue of the kernel.

A connection has the lowest number that was free.  So its number says when it is time to look closer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.tcp import Port
from twisted.logger import Logger

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

log = Logger(__name__)

LOOK = 0.5
"""Seconds between two looks, while there is reason to look."""

_OPEN = "/dev/fd"


def in_use() -> int:
    """
    How many are open.

    Raises:
        OSError: So many that none is left to find out.
    """
    return len(os.listdir(_OPEN)) - 1  # one is for the look itself


def limit() -> int:
    """How many there may be, 0 where nobody counts."""
    if resource is None or not os.path.isdir(_OPEN):
        return 0
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft


def accepting(reactor: Any) -> list[Any]:
    """Return the ports of ``reactor`` that accept connections now; a clock has none."""
    readers: Callable[[], Iterable[Any]] = getattr(reactor, "getReaders", list)
    return [each for each in readers() if isinstance(each, Port)]  # that of a UNIX socket is one, that of UDP is not


class Descriptors:
    """
    Pauses the ports of a process; each `SMTPService<txsmtpx.wire.service.SMTPService>` has one.

    Attributes:
        paused: Whether nothing is accepted.

    Args:
        ports: Those that accept connections, at that moment (`accepting`).
    """

    def __init__(
        self,
        clock: IReactorTime,
        ports: Callable[[], Iterable[Any]],
        limit: Callable[[], int] = limit,
        in_use: Callable[[], int] = in_use,
    ) -> None:
        self.paused = False
        self._clock = clock
        self._ports = ports
        self._in_use = in_use
        most = limit()
        reserve = min(128, most // 4)
        self._suspicious = most // 2
        self._many = most - reserve
        self._few = self._many - reserve // 2
        self._held: list[Any] = []  # the ports that are paused
        self._timer: IDelayedCall | None = None

    def taken(self, transport: Any) -> None:
        """A connection has come in."""
        number = getattr(transport, "fileno", _none)()
        if 0 < self._suspicious <= number and (self._timer is None or (number >= self._many and not self.paused)):
            self._look()

    def stop(self) -> None:
        """The ports of this server are about to be closed; those of others accept again."""
        self._resume()
        self._unwind()

    def _unwind(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _look(self) -> None:
        self._unwind()
        try:
            number = self._in_use()
        except OSError:
            number = self._many
        if number >= self._many and not self.paused:
            self.paused = True
            log.warn("{number} descriptors are in use: no new connections for now", number=number)
            self._held = list(self._ports())
            for port in self._held:
                port.pauseProducing()
        elif number < self._few and self.paused:
            log.info("{number} descriptors are in use: connections are accepted again", number=number)
            self._resume()
        if number >= self._suspicious or self.paused:
            self._timer = self._clock.callLater(LOOK, self._look)

    def _resume(self) -> None:
        self.paused = False
        held, self._held = self._held, []
        for port in held:
            port.resumeProducing()  # which does nothing where it was closed meanwhile


def _none() -> int:
    return -1
