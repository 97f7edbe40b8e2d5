"""
One of several processes that share the ports: what ``twistd -n smtpx`` does, with a parent that it listens to.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.reactors import installReactor
from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from txsmtpx.command.handover import read
from txsmtpx.command.relay import named, relayed

log = Logger(__name__)


class Parent(LineOnlyReceiver):
    """
    The parent, by two pipes: it says what is to be done, a word a line, and hears how we are.  When it has gone, or
    wants us to go, the line is closed.
    """

    delimiter = b"\n"

    def __init__(self, commands: Mapping[bytes, Callable[[], None]], gone: Callable[[], None]) -> None:
        self._commands = commands
        self._gone = gone

    def connectionMade(self) -> None:
        """All that was to be started has been."""
        self.sendLine(b"ready")  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        """Do it."""
        self._commands[line]()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is time to go."""
        self._gone()


def work(handover: str, arguments: list[str]) -> None:
    """
    Serve, until the parent ends that.

    Args:
        handover: See `txsmtpx.command.handover`.
        arguments: Those of ``twistd smtpx``.

    Raises:
        SystemExit: It cannot be done.
    """
    handed = read(handover)
    if handed.reactor is not None:
        installReactor(handed.reactor)
    from twisted.internet import reactor as installed
    from twisted.internet.stdio import StandardIO

    from txsmtpx.command.logfile import log_form
    from txsmtpx.command.service import SMTPXService
    from txsmtpx.command.usage import Options

    reactor: Any = installed
    options = Options(handed)
    options.parseOptions(arguments)
    service = SMTPXService(options.process)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    form = log_form(options.process.log_format)
    globalLogBeginner.beginLoggingTo([relayed(out) if handed.relayed else named(handed.number, out, form)])
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)

    def stop() -> None:
        with contextlib.suppress(ReactorNotRunning):  # it was told twice
            reactor.stop()

    def tell_figures() -> None:
        parent.sendLine(b"figures " + json.dumps(options.process.figures_of()).encode())  # type: ignore[no-untyped-call]

    parent = Parent({b"reload": service.reload, b"abort": service.abort, b"figures": tell_figures}, stop)
    reactor.callWhenRunning(StandardIO, parent, 0, handed.status)
    log.info("worker {number} is process {pid}", number=handed.number, pid=os.getpid())
    reactor.run()
    out.flush()
    sys.stdout.flush()
