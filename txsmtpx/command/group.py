"""A group of options, and the part of the process that they describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from txsmtpx.command.action import Action
from txsmtpx.command.option import Option, Values
from txsmtpx.command.process import Listener, Process


@dataclass(frozen=True)
class Group:
    """
    One group, which has a section of the help and a page of the documentation.

    Its functions may raise `txsmtpx.command.option.OptionError`.  ``for_listener`` may also raise a group of them.

    Attributes:
        title: Its title.
        purpose: What its options are about, as a sentence or more.
        options: The options.
        for_listener: Fill in the part of a listener that the options describe.
        for_process: The same for the process, when all listeners are there, but for their factories.
        actions: Options of the command line that end the command.
        always: True if the functions are called even if none of the options was given.
        names: The names of the options.
    """

    title: str
    purpose: str
    options: tuple[Option[object], ...]
    for_listener: Callable[[Values, Listener], None] | None = None
    for_process: Callable[[Values, Process], None] | None = None
    actions: tuple[Action, ...] = ()
    always: bool = False
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(option.name for option in self.options))
