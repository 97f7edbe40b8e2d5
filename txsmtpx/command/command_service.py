"""The service of the command: all its servers, its log, errors for an operator, and signals."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from typing import cast

from twisted.application.service import IServiceCollection, MultiService
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorCore
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from txsmtpx.command.logfile import log_writer
from txsmtpx.command.process import Process
from txsmtpx.command.signals import SignalledReactor, Signals
from txsmtpx.command.startup import startup_lines
from txsmtpx.command.terminal import Terminal
from txsmtpx.observers.log_writer import ILogReactor, LogWriter
from txsmtpx.wire.self_signed import SelfSignedCertificate
from txsmtpx.wire.service import SMTPService

log = Logger(__name__)

_YOUNG = 10_000
"""
New objects after which Python looks for garbage among them.

Python's own 700 (2,000 since 3.13) are those of a few dozen transactions.  If thousands are open, most objects are
alive and are looked at again and again: a message then costs an eighth more.
"""


class CommandService(MultiService):
    """
    Every server of a process, under the signals of an operator.

    Args:
        process: The process.
        twistd: The options of ``twistd``.  None if the log is written elsewhere.
    """

    def __init__(self, process: Process, twistd: Mapping[str, object] | None = None) -> None:
        MultiService.__init__(self)
        self._process = process
        self._log_format = process.log_format
        self._twistd = twistd
        self._terminal = Terminal(twistd)
        self._log_writer: LogWriter | None = None
        for listener in process.listeners:
            MultiService.addService(self, SMTPService(listener.factory, listener.ports, listener.shutdown_timeout))

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """
        Become part of the application, and replace its log before it has logged anything.

        Args:
            parent: The application.
        """
        MultiService.setServiceParent(self, parent)
        self._log_writer = None if self._twistd is None else log_writer(self._log_format, self._twistd)
        if self._log_writer is not None:
            cast(Componentized, parent).setComponent(ILogObserver, self._log_writer)

    def privilegedStartService(self) -> None:
        """
        Open the ports.

        Raises:
            SystemExit: A port cannot be opened.
        """
        try:
            MultiService.privilegedStartService(self)
        except (CannotListenError, OSError, OverflowError) as error:
            from twisted.internet import reactor

            for port in self._process.ports:
                if port.opened is not None:
                    port.opened.stopListening()
            cast(IReactorCore, reactor).iterate(0)  # which closes them, and removes their UNIX sockets
            self._terminal.report(error)
            sys.exit(1)

    def startService(self) -> None:
        """Start, and handle signals."""
        from twisted.internet import reactor as installed

        reactor = cast(SignalledReactor, installed)
        gc.set_threshold(_YOUNG)
        MultiService.startService(self)
        self._terminal.close()
        self.describe()
        signals = Signals(reactor, self.reload, self.abort)
        reactor.callWhenRunning(signals.install)
        if self._log_writer is not None:
            self._log_writer.run(cast(ILogReactor, installed))

    def describe(self) -> None:
        """Log what runs."""
        for line in startup_lines(self._process):
            log.info("{described}", described=line)

    def abort(self) -> None:
        """Abort every connection: the second SIGINT."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read certificates, tables and the files of filters again: SIGHUP."""
        raise NotImplementedError


class SMTPXService(CommandService):
    """
    The service of a process that serves mail itself.

    Args:
        process: The process.
        twistd: The options of ``twistd``.  None if the log is written elsewhere.
        describes: True if it logs what runs.  A worker does not: its parent has done so.
    """

    def __init__(
        self, process: Process, twistd: Mapping[str, object] | None = None, describes: bool = True
    ) -> None:
        super().__init__(process, twistd)
        self._describes = describes
        self._factories = [each.factory for each in process.listeners]
        self._certificates = [each.factory.tls for each in process.listeners if each.factory.tls is not None]
        self._tables = [table for each in process.listeners for table in each.tables]
        self._filters = [made for each in process.listeners for made in each.filters]
        for listener in process.listeners:
            for service in listener.services:
                MultiService.addService(self, service)
        for service in process.services:
            service.setServiceParent(self)  # so that it sees the servers
        if process.metrics is not None and process.workers == 1:  # the parent of workers shows the sums of all
            MultiService.addService(self, process.metrics)

    def describe(self) -> None:
        """Log what runs, unless the parent has done so."""
        if self._describes:
            super().describe()

    def abort(self) -> None:
        """Abort every connection now."""
        for factory in self._factories:
            factory.abort()

    def reload(self) -> None:
        """Read certificates, tables and the files of filters again.  What cannot be read stays as it was."""
        if not (self._certificates or self._tables or self._filters):
            log.info("SIGHUP: there is no certificate to read again")
        named = [*(("table", table) for table in self._tables), *(("filter", made) for made in self._filters)]
        for kind, each in named:
            try:
                each.reload()
            except (OSError, ValueError) as error:
                log.error("{kind} {path} not read again: {error}", kind=kind, path=each.path, error=str(error))
            else:
                log.info("{kind} {path} read again", kind=kind, path=each.path)
        for certificate in self._certificates:
            try:
                certificate.reload()
            except (OSError, ValueError) as error:
                log.error("certificate not read again: {error}", error=str(error))
            else:
                kept = isinstance(certificate, SelfSignedCertificate)
                log.info("the self-signed certificate is kept" if kept else "certificate read again")
