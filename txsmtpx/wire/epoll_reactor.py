"""Twisted's epoll reactor without a log context for each event.  docs/reactor.md has the reason and the figures."""

from __future__ import annotations

import sys

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

from txsmtpx.wire.twisted_internals import dispatch_events


class SMTPReactor(EPollReactor):
    """
    The reactor of ``twistd smtpx``, unless ``twistd --reactor`` names another.

    Twisted sets up a log context for each event.  A line that is logged by the old `twisted.python.log` gets the name
    of the protocol from it.  The lines of this package name their session themselves.
    """

    def doPoll(self, timeout: float | None) -> None:
        """
        Wait for events, and pass each one to the object that waits for it.

        An exception of that object is logged, and ends its connection.

        Args:
            timeout: Seconds to wait at most; None for any time.
        """
        dispatch_events(self, timeout)

    doIteration = doPoll


def prefer() -> None:
    """Install the reactor, unless the process has one already."""
    if "twisted.internet.reactor" not in sys.modules:
        install()


def install() -> None:
    """
    Install the reactor in this process: ``twistd --reactor smtpx`` calls it.

    Raises:
        ReactorAlreadyInstalledError: The process has a reactor.
    """
    installReactor(SMTPReactor())  # type: ignore[no-untyped-call]
