"""The lines that Twisted logs when a port opens and closes.  `txsmtpx.command.startup` describes the ports instead."""

from __future__ import annotations

import re

from twisted.logger import LogEvent

from txsmtpx.observers.log_writer import LogForm

_LINE = re.compile(r"\S+(?: \(\S+\))? starting on (?:[0-9]+|'.*')|\((?:TCP|UNIX) Port .* Closed\)")

_FACTORY = ("Starting factory {factory!r}", "Stopping factory {factory!r}")
"""Those of a factory that `txsmtpx` has not created, such as Twisted's behind ``haproxy:``."""


def is_port_line(event: LogEvent) -> bool:
    """
    Return whether an event is a line of Twisted about a port, such as ``InboxSite starting on 8025``.

    Args:
        event: The event.

    Returns:
        True for such a line.  Twisted logs those of ports by the old `twisted.python.log`.
    """
    if event.get("log_format") in _FACTORY:
        return True
    return event.get("log_namespace") == "log_legacy" and _LINE.fullmatch(str(event.get("log_text"))) is not None


class WithoutPortLines:
    """
    The form of a log without the lines of Twisted about ports.  `txsmtpx.command.logfile.log_form` creates it.

    Args:
        form: The form of all other lines.
    """

    def __init__(self, form: LogForm) -> None:
        self._form = form
        self.transaction = form.transaction

    def __call__(self, event: LogEvent) -> str | None:
        """Return the line for an event; "" for a line of Twisted about a port."""
        return "" if is_port_line(event) else self._form(event)
