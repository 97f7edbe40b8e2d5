"""An option of the command line that ends the command, such as ``--help-backends``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """
    An option of the command line that does something and ends the command.

    Attributes:
        name: Its name, after two dashes.
        help: What it does, as a sentence.
        run: Do it.
        word: Stands for its argument in the help, "" if it takes none.
    """

    name: str
    help: str
    run: Callable[[str], None]
    word: str = ""
