"""
File descriptors: no new connection is accepted while few are left.

Theory of operation.  A process without a free descriptor can neither accept a connection nor open a file for a message.
A port that is ready but cannot accept stays ready, and keeps the reactor busy.  So all ports of the process stop
accepting while some descriptors are left for the connections that are open.  New clients wait in the queue of the
kernel.

A new connection gets the lowest number that is free.  While its number is below half the limit, nothing is counted.
From there on the descriptors are counted every `LOOK` seconds.

A port of Twisted accepts as many connections at once as it found waiting the last time, and twenty more.  It does not
stop in the middle when it is paused.  So ports accept one at a time while more than half the descriptors are in use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.tcp import Port
from twisted.logger import Logger

from txsmtpx.wire.twisted_socket_internals import accept_one

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

log = Logger(__name__)

LOOK = 0.5
"""Seconds between two counts, while more than half the descriptors may be in use."""

_OPEN = "/dev/fd"


def in_use() -> int:
    """
    Count the open descriptors of this process.

    Returns:
        Their number.

    Raises:
        OSError: No descriptor is left to read the directory with.
    """
    return len(os.listdir(_OPEN)) - 1  # one of them reads the directory


def limit() -> int:
    """
    Return how many descriptors this process may have.

    Returns:
        The soft limit, ``ulimit -n``; 0 if there is none, or if the system cannot count them.
    """
    if resource is None or not os.path.isdir(_OPEN):
        return 0
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft


def accepting(reactor: object) -> list[Port]:
    """
    Return the ports that accept connections now.

    Args:
        reactor: The reactor of the process.  A clock has no ports.

    Returns:
        The ports of TCP and of UNIX sockets.
    """
    readers: Callable[[], Sequence[object]] = getattr(reactor, "getReaders", list)
    return [each for each in readers() if isinstance(each, Port)]


class Descriptors:
    """
    Pauses the ports of a process while few descriptors are left.  Each `SMTPService` creates one.

    The ports stop when no more than a reserve is left: a quarter of the limit, at most 128.  They go on when one and a
    half times that is left.

    Attributes:
        paused: True if no port accepts.

    Args:
        clock: Times the counts.
        ports: Returns the ports that accept connections at that moment (`accepting`).
        limit: Returns how many descriptors the process may have, 0 for any number.
        in_use: Counts the open descriptors.
    """

    def __init__(
        self,
        clock: IReactorTime,
        ports: Callable[[], Sequence[Port]],
        limit: Callable[[], int] = limit,
        in_use: Callable[[], int] = in_use,
    ) -> None:
        self.paused: bool = False
        self._clock = clock
        self._ports = ports
        self._in_use = in_use
        most = limit()
        reserve = min(128, most // 4)
        self._suspicious = most // 2
        self._many = most - reserve
        self._few = self._many - reserve // 2
        self._held: list[Port] = []  # the ports that are paused
        self._timer: IDelayedCall | None = None
        self._one_by_one: IDelayedCall | None = None

    def taken(self, transport: object) -> None:
        """
        Count the descriptors, if the number of a new connection is high.

        Args:
            transport: The transport of the connection.
        """
        number = getattr(transport, "fileno", _none)()
        if not 0 < self._suspicious <= number:
            return
        if self._timer is None or (number >= self._many and not self.paused):
            self._look()
        if self._one_by_one is None:
            self._one_by_one = self._clock.callLater(0, self._accept_one)  # a port changes its number after this call

    def stop(self) -> None:
        """Let the ports accept again, before those of this server are closed."""
        self._resume()
        self._cancel_timer()
        if self._one_by_one is not None:
            self._one_by_one.cancel()
            self._one_by_one = None

    def _accept_one(self) -> None:
        self._one_by_one = None
        for port in self._ports():
            accept_one(port)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _look(self) -> None:
        self._cancel_timer()
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
            port.resumeProducing()  # this does nothing if the port was closed meanwhile


def _none() -> int:
    return -1
