"""The interfaces of a reactor that the web inbox uses."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IReactorProcess, IReactorTime


class IInboxReactor(IReactorCore, IReactorProcess, IReactorTime):
    """Listen on ports, start the process that parses messages, and keep the time.  Twisted's reactors do all three."""
