"""
A worker: one of several processes that share the ports of their parent.

It serves as ``twistd -n smtpx`` does, and obeys its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import cast

from twisted.application.reactors import installReactor
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from txsmtpx.command.handover import Handover
from txsmtpx.command.worker_log import EventForm

log = Logger(__name__)


class Parent(LineOnlyReceiver):
    """
    The connection to the parent, over two pipes.

    The parent sends a command a line.  The worker sends reports.  If the parent ends, or wants the worker to stop, the
    connection is closed.

    Args:
        commands: The functions of the commands, by name.
        gone: Called when the connection is closed.
    """

    delimiter = b"\n"

    def __init__(self, commands: Mapping[bytes, Callable[[], None]], gone: Callable[[], None]) -> None:
        self._commands = commands
        self._gone = gone

    def connectionMade(self) -> None:
        """Report that the worker is ready."""
        self.sendLine(b"ready")  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        """
        Run a command of the parent.

        Args:
            line: Its name.
        """
        self._commands[line]()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Stop the worker.

        Args:
            reason: Why the connection was closed.
        """
        self._gone()


def work(handover: str, arguments: list[str]) -> None:
    """
    Serve until the parent ends it.

    Args:
        handover: A `txsmtpx.command.handover.Handover`, as text.
        arguments: The command line after ``twistd smtpx``.

    Raises:
        SystemExit: An option cannot be used, or a port cannot be opened.
    """
    handed = Handover.from_text(handover)
    if handed.reactor is not None:
        installReactor(handed.reactor)
    from twisted.internet import reactor as installed
    from twisted.internet.stdio import StandardIO

    from txsmtpx.command.command_service import SMTPXService
    from txsmtpx.command.logfile import log_form
    from txsmtpx.command.usage import Options
    from txsmtpx.observers.log_writer import ATOMIC, ILogReactor, LogWriter

    reactor = cast(IReactorCore, installed)
    options = Options(handed)
    options.parseOptions(arguments)
    service = SMTPXService(options.process, describes=False)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    form = EventForm() if handed.relayed else log_form(options.process.log_format, handed.number)
    writer = LogWriter(out, form, ATOMIC)
    globalLogBeginner.beginLoggingTo([writer])
    writer.run(cast(ILogReactor, installed))
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)

    def stop() -> None:
        with contextlib.suppress(ReactorNotRunning):  # a signal has stopped it already
            reactor.stop()

    def report_figures() -> None:
        parent.sendLine(b"figures " + json.dumps(options.process.figures_of()).encode())  # type: ignore[no-untyped-call]

    parent = Parent({b"reload": service.reload, b"abort": service.abort, b"figures": report_figures}, stop)
    reactor.callWhenRunning(StandardIO, parent, 0, handed.status)
    log.info("worker {number} is process {pid}", number=handed.number, pid=os.getpid())
    reactor.run()
    sys.stdout.flush()
