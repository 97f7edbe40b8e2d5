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
    """Options that are parameters of L{txsmtpx.SMTPServerFactory} of the same name."""
    for option in options:
        listener.settings[option.parameter] = values[option.name]


@dataclass(frozen=True)
class Group:
    """
    One group.  It is about each listener by itself, or about the process as a whole.

    @ivar title: what it is about.
    @ivar for_listener: takes the L{Values} and a L{Listener}, on which it leaves what they mean.
    @ivar for_process: likewise with the L{Process}, whose listeners are all there by then, but for their factories.

    Both may raise L{txsmtpx.command.option.OptionError}.
    """

    title: str
    options: tuple[Option, ...]
    for_listener: Callable[[Values, Listener], None] | None = None
    for_process: Callable[[Values, Process], None] | None = None
    actions: tuple[Action, ...] = ()
