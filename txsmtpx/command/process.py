"""
The process while it is put together: its listeners, and what runs besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.application.service import IService

from txsmtpx.command.box import GROUPS, OPTIONS
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import OptionError
from txsmtpx.command.values import Said, Values


@dataclass
class Process:
    """
    What the groups of options leave here.

    @ivar listeners: one L{Listener} for each server.
    @ivar services: what runs besides.
    @ivar errors: what is wrong, a line each.
    """

    reactor: Any
    listeners: list[Listener] = field(default_factory=list)
    services: list[IService] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def listen(self, values: Values, name: str = "") -> None:
        """One more listener."""
        listener = Listener(self.reactor, name)
        self.errors += values.errors
        applied = not values.errors
        for group in GROUPS:
            if group.for_listener and applied:
                applied = self._applied(values, group.for_listener, listener)
        if applied:
            self.listeners.append(listener)

    def _applied(self, values: Values, apply: Any, to: Any) -> bool:
        """Whether a group had nothing to complain of."""
        try:
            apply(values, to)
        except OptionError as error:
            self.errors.append(values.complaint(error))
            return False
        return True

    def finish(self, values: Values, of_listeners: Iterable[Values]) -> None:
        """All listeners are there: what is about the process, then the factories."""
        if self.errors:
            return
        for group in GROUPS:
            if group.for_process:
                self._applied(values, group.for_process, self)
        for listener, its in zip(self.listeners, of_listeners, strict=True):
            try:
                listener.make()
            except ValueError as error:
                self.errors.append(its.complaint(_of_setting(error)))


def _of_setting(error: ValueError) -> OptionError:
    """What a factory says of one of its settings, as of the option that gave it."""
    name, _, text = str(error).partition(" ")
    option = name.replace("_", "-")
    return OptionError(option, text) if option in OPTIONS else OptionError("port", str(error))


def single(reactor: Any, said: Mapping[str, Said]) -> tuple[Process, Values]:
    """The process with one listener, of which the command line says it all."""
    values = Values(OPTIONS.values(), said)
    process = Process(reactor)
    process.listen(values)
    process.finish(values, [values])
    return process, values
