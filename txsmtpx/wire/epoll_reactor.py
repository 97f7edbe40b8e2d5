"""
Twisted's epoll reactor with a shorter way from an event to who waits for it.  ``twistd smtpx`` runs on it where it is
not told another by ``--reactor``; elsewhere it is had by ``twistd --reactor smtpx``.

Twisted sets up a log context for every event, so that a line logged meanwhile by the old `twisted.python.log` says
which protocol it is from.  Here nobody asks: log lines name their session themselves.  Nothing else differs.
"""

from __future__ import annotations

import sys

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

from txsmtpx.wire.twisted_socket_internals import dispatch_events


class SMTPReactor(EPollReactor):
    """See above."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, and pass each on; what it raises is logged there, and ends its connection."""
        dispatch_events(self, timeout)

    doIteration = doPoll


def prefer() -> None:
    """Make it the reactor of this process, where there is none yet, and the system has epoll."""
    if "twisted.internet.reactor" not in sys.modules:
        install()


def install() -> None:
    """
    Make it the reactor of this process.

    Raises:
        ReactorAlreadyInstalledError: There is one.
    """
    installReactor(SMTPReactor())  # type: ignore[no-untyped-call]  # EPollReactor's
