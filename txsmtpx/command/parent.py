"""The service of a process whose workers serve mail: it opens the ports, and looks after the workers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import cast

from twisted.application.service import MultiService
from twisted.internet.interfaces import IReactorTime

from txsmtpx.command.command_service import CommandService
from txsmtpx.command.spawn import Spawn
from txsmtpx.command.usage import Options
from txsmtpx.command.workers import Workers


class ParentService(CommandService):
    """
    Open the ports, accept nothing, and pass on the signals of an operator.

    The ports are opened before the process gives up its privileges.  The workers are started after that.

    Args:
        options: The options.

    Raises:
        SystemExit: ``twistd --chroot`` was given, in whose directory there is no Python to start.
    """

    def __init__(self, options: Options) -> None:
        process = options.process
        super().__init__(process, options.parent)
        twistd: Mapping[str, object] = options.parent or {}
        if twistd.get("chroot"):
            sys.exit("twistd smtpx: --workers cannot start Python in the directory of twistd --chroot")
        for service in process.services:  # web sites, whose ports the workers share
            MultiService.addService(self, service)
        certificates = process.self_signed.to_octets()
        spawn = Spawn(process.reactor, options.arguments, _to_stdout(twistd), _reactor(twistd), certificates)
        shutdown_timeout = max(listener.shutdown_timeout for listener in process.listeners)
        self._workers = Workers(cast(IReactorTime, process.reactor), process.workers, spawn, shutdown_timeout)
        MultiService.addService(self, self._workers)
        process.figures_of = self._workers.figures
        if process.metrics is not None:
            MultiService.addService(self, process.metrics)

    def abort(self) -> None:
        """Let the workers abort every connection."""
        self._workers.abort()

    def reload(self) -> None:
        """Let the workers read their certificates again."""
        self._workers.reload()


def _to_stdout(twistd: Mapping[str, object]) -> bool:
    """Return whether the log goes to the standard output and nowhere else."""
    if not twistd.get("nodaemon") or twistd.get("syslog") or twistd.get("logger"):
        return False
    return twistd.get("logfile") in (None, "", "-")


def _reactor(twistd: Mapping[str, object]) -> str | None:
    """Return the short name of the reactor; under "reactor" twistd has the name, twist the object itself."""
    name = twistd.get("reactorName", twistd.get("reactor"))
    return None if name is None else str(name)
