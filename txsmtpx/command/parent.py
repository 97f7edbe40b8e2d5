"""
The service of a process whose workers do the work: it opens the ports, and looks after them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import MultiService

from txsmtpx.command.service import CommandService
from txsmtpx.command.spawn import Spawn
from txsmtpx.command.usage import Options
from txsmtpx.command.workers import Workers


class ParentService(CommandService):
    """
    Listens, accepts nothing, and passes on what an operator wants.

    The ports are opened before the process gives its rights away, the workers started after that.

    Raises:
        SystemExit: Twistd was told something that does not go with workers.
    """

    def __init__(self, options: Options) -> None:
        process = options.process
        super().__init__(process, options.parent)
        twistd: Mapping[str, Any] = options.parent or {}
        if twistd.get("chroot"):
            sys.exit("twistd smtpx: --workers cannot start Python in the directory of twistd --chroot")
        reactor: Any = process.reactor
        spawn = Spawn(process.reactor, options.arguments, _to_stdout(twistd), _reactor(twistd))
        shutdown_timeout = max(listener.shutdown_timeout for listener in process.listeners)
        self._workers = Workers(reactor, process.workers, spawn, shutdown_timeout)
        MultiService.addService(self, self._workers)
        process.figures_of = self._workers.figures
        if process.metrics is not None:
            MultiService.addService(self, process.metrics)

    def abort(self) -> None:
        """Let the workers hang up on everybody."""
        self._workers.abort()

    def reload(self) -> None:
        """Let the workers read their certificates again."""
        self._workers.reload()


def _to_stdout(twistd: Mapping[str, Any]) -> bool:
    """Whether the log goes to the standard output and nowhere else."""
    if not twistd.get("nodaemon") or twistd.get("syslog") or twistd.get("logger"):
        return False
    return twistd.get("logfile") in (None, "", "-")


def _reactor(twistd: Mapping[str, Any]) -> str | None:
    """The short name of the reactor that was chosen; under "reactor" twistd has the name, twist the thing itself."""
    name = twistd.get("reactorName", twistd.get("reactor"))
    return None if name is None else str(name)
