"""
Options that belong together, and what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsmtpx.command.option import Action, Option
from txsmtpx.command.values import Values

if TYPE_CHECKING:
    from txsmtpx.command.listener import Listener
    from txsmtpx.command.process import Process


def pass_on(values: Values, listener: Listener, options: tuple[Option, ...]) -> None:
    """Options that are parameters of `txsmtpx.SMTPServerFactory` of the same name."""
    for option in options:
        listener.settings[option.parameter] = values[option.name]


@dataclass(frozen=True)
class Group:
    """
    One group.  It is about each listener by itself, or about the process as a whole.


    Both may raise `txsmtpx.command.option.OptionError`.

    Attributes:
        title: What it is about.
        for_listener: Takes the `Values` and a `Listener`, on which it leaves what they mean.
        for_process: Likewise with the `Process`, whose listeners are all there by then, but for their factories.
    """

    title: str
    options: tuple[Option, ...]
    for_listener: Callable[[Values, Listener], None] | None = None
    for_process: Callable[[Values, Process], None] | None = None
    actions: tuple[Action, ...] = ()
