"""
The process while it is put together: its listeners, and what runs besides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.application.service import IService

from txsmtpx.command.box import GROUPS, OPTIONS
from txsmtpx.command.file import ConfigurationFile, Table
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import OptionError
from txsmtpx.command.sockets import Sockets
from txsmtpx.command.values import Said, Values
from txsmtpx.observers.metrics_observer import MetricsObserver, MetricsSnapshot, summed

_ANY_PORT = re.compile(r":0(:|$)")


@dataclass
class Process:
    """
    What the groups of options leave here.

    Attributes:
        reactor: For endpoints.
        workers: How many processes share the ports.
        listeners: One `Listener` for each server.
        services: What runs besides.
        errors: What is wrong, a line each.
        values: What was said of the process.
        log_format: The form of each line of the log.
        figures: What is counted, for each listener.
        figures_of: Gives them summed, or a Deferred of them; a parent asks its workers instead.
        metrics: Shows them.
    """

    reactor: Sockets
    workers: int = 1
    listeners: list[Listener] = field(default_factory=list)
    services: list[IService] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: Values | None = None
    log_format: str = "text"
    figures: list[MetricsObserver] = field(default_factory=list)
    figures_of: Callable[[], Any] = field(init=False)
    metrics: IService | None = None

    def __post_init__(self) -> None:
        self.figures_of = self._own_figures

    def _own_figures(self) -> MetricsSnapshot:
        return summed(each.export() for each in self.figures)

    def put_together(self, said: Mapping[str, Said]) -> None:
        """
        Make all of it.

        Args:
            said: On the command line, which counts more than what a file says.
        """
        file = ConfigurationFile(said["config"].text) if "config" in said else None
        general = {} if file is None else file.said
        tables = file.tables if file is not None else []
        self.errors += [] if file is None else file.errors
        for table in tables or [Table("", "--")]:
            self._listen(table.name, Values(OPTIONS.values(), {**general, **table.said, **said}, table.place))
        if not self.errors:
            self._separate_ports()
            self.values = Values(OPTIONS.values(), {**general, **said})
            self._finish(self.values)

    def _listen(self, name: str, values: Values) -> None:
        listener = Listener(self.reactor, values, name)
        self.listeners.append(listener)
        for error in values.errors:
            self._complain(error)
        if not values.errors:
            for group in GROUPS:
                if group.for_listener:
                    self._apply(group.for_listener, values, listener)

    def _apply(self, apply: Any, values: Values, to: Any) -> None:
        try:
            apply(values, to)
        except OptionError as error:
            self._complain(values.complaint(error))

    def _complain(self, error: str) -> None:
        """What is said at the top is wrong for every listener, and told once."""
        if error not in self.errors:
            self.errors.append(error)

    def _separate_ports(self) -> None:
        """No two listeners at one port, be it that of those who name none."""
        taken: dict[str, str] = {}
        for listener in self.listeners:
            for port in listener.ports:
                if port in taken and not _ANY_PORT.search(port):
                    twice = taken[port] == listener.name
                    text = f"{port} is said twice" if twice else f"{port} is that of listener {taken[port]} already"
                    self._complain(listener.values.complaint(OptionError("port", text)))
                taken[port] = listener.name

    def _finish(self, values: Values) -> None:
        """All listeners are there: what is about the process, then the factories."""
        for group in GROUPS:
            if group.for_process:
                self._apply(group.for_process, values, self)
        for listener in self.listeners:
            try:
                listener.make()
            except ValueError as error:
                self._complain(listener.values.complaint(_of_setting(error)))


def _of_setting(error: ValueError) -> OptionError:
    """What a factory says of one of its settings, as of the option that gave it."""
    name, _, text = str(error).partition(" ")
    option = name.replace("_", "-")
    return OptionError(option, text) if option in OPTIONS else OptionError("port", str(error))
