"""
The terminal on which an operator has started twistd.

A daemon opens its ports when it has let go of its terminal.  Twistd waits in the foreground until it learns over a pipe
how that went.  It shows 98 octets of an error, and waits for ever if the daemon exits without a word.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

_SEE = b"1 see the line above"
"""What the pipe gets for a failure: "1" and a text."""


class Terminal:
    """
    The standard error of twistd.  It is created before twistd becomes a daemon.

    Args:
        twistd: The options of ``twistd``.  None in a worker.
    """

    def __init__(self, twistd: Mapping[str, object] | None) -> None:
        self._twistd = twistd or {}
        daemon = "nodaemon" in self._twistd and not self._twistd["nodaemon"]
        self._descriptor = os.dup(2) if daemon else None

    def report(self, error: BaseException) -> None:
        """
        Show why the server does not start, and end the wait of twistd.

        Args:
            error: The reason.
        """
        text = f"twistd smtpx: {error}"
        if self._descriptor is None:
            print(text, file=sys.__stderr__)  # sys.stderr is the log by now
            return
        os.write(self._descriptor, f"{text}\n".encode("utf-8", "backslashreplace"))
        pipe, pidfile = self._twistd.get("statusPipe"), self._twistd.get("pidfile")
        if pidfile:
            with contextlib.suppress(OSError):
                os.remove(str(pidfile))
        if isinstance(pipe, int):
            os.write(pipe, _SEE)
            os.close(pipe)

    def close(self) -> None:
        """Let go of the terminal: the server runs."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
