"""
The service of the command: all listeners, their errors for an operator, signals.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger

from txsmtpx.command.logfile import log_observer
from txsmtpx.command.process import Process
from txsmtpx.command.signals import Signals
from txsmtpx.wire.service import SMTPService

log = Logger(__name__)

_YOUNG = 10_000
"""
New objects after which Python looks whether any of them are garbage.  Its own 700 (2,000 since 3.13) are those of a few
dozen transactions: where thousands are under way most are alive, are looked at again and again, and a message costs an
eighth more.
"""


class CommandService(MultiService):
    """
    Every server of a process, under the signals of an operator.

    Args:
        twistd: The options of ``twistd`` itself; without any the log is not ours to write.
    """

    def __init__(self, process: Process, twistd: Mapping[str, Any] | None = None) -> None:
        MultiService.__init__(self)
        self._log_format = process.log_format
        self._twistd = twistd
        for listener in process.listeners:
            MultiService.addService(self, SMTPService(listener.factory, listener.endpoints, listener.shutdown_timeout))

    def setServiceParent(self, parent: Any) -> None:
        """Become part of the application, which logs as we say from now on, before it has logged anything."""
        MultiService.setServiceParent(self, parent)
        observer = None if self._twistd is None else log_observer(self._log_format, self._twistd)
        if observer is not None:
            parent.setComponent(ILogObserver, observer)

    def privilegedStartService(self) -> None:
        """
        Raises:
            SystemExit: A port is not to be had.
        """
        try:
            MultiService.privilegedStartService(self)
        except (CannotListenError, OSError, OverflowError) as error:
            print(f"twistd smtpx: {error}", file=sys.__stderr__)  # what sys.stderr gets is in the log by now
            sys.exit(1)

    def startService(self) -> None:
        """Start, and listen for signals."""
        from twisted.internet import reactor

        gc.set_threshold(_YOUNG)
        MultiService.startService(self)
        signals = Signals(reactor, self.reload, self.abort)
        reactor.callWhenRunning(signals.install)

    def abort(self) -> None:
        """The second SIGINT."""
        raise NotImplementedError

    def reload(self) -> None:
        """SIGHUP."""
        raise NotImplementedError


class SMTPXService(CommandService):
    """What serves; SIGHUP reads its certificates again."""

    def __init__(self, process: Process, twistd: Mapping[str, Any] | None = None) -> None:
        """As `CommandService`."""
        super().__init__(process, twistd)
        self._factories = [each.factory for each in process.listeners]
        self._certificates = [each.factory.tls for each in process.listeners if each.factory.tls is not None]
        for listener in process.listeners:
            for service in listener.services:
                MultiService.addService(self, service)
        for service in process.services:
            service.setServiceParent(self)  # so it can see the servers
        if process.metrics is not None and process.workers == 1:  # else they are those of all, which the parent shows
            MultiService.addService(self, process.metrics)

    def abort(self) -> None:
        """Hang up on everybody, now."""
        for factory in self._factories:
            factory.abort()

    def reload(self) -> None:
        """Read the certificates again; one that cannot be read changes nothing."""
        if not self._certificates:
            log.info("SIGHUP: there is no certificate to read again")
        for certificate in self._certificates:
            try:
                certificate.reload()
            except (OSError, ValueError) as error:
                log.error("certificate not read again: {error}", error=str(error))
            else:
                log.info("certificate read again")
