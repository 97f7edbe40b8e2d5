"""
The Python of a page: its blocks share their names, in a process that has a reactor.

As a program of its own this is that process, which reads blocks from its standard input, a line of JSON for each.
"""

from __future__ import annotations

import ast
import inspect
import json
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from tests import fork_server


class Namespace:
    """Such a process."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs, theirs.makefile("rwb", buffering=0) as file:
            command = [__file__]
            if fork_server.AVAILABLE:
                self._process: subprocess.Popen[bytes] | fork_server.Forked = fork_server.start(
                    command, directory, environment, file, sys.stderr.fileno(), file
                )
            else:
                self._process = subprocess.Popen(
                    [sys.executable, *command], cwd=directory, env=environment, stdin=file, stdout=file
                )
        self._file = ours.makefile("rw")
        ours.close()

    def run(self, text: str, place: str, line: int) -> None:
        """
        Run one block.

        Raises:
            AssertionError: With its traceback.
        """
        self._file.write(json.dumps([text, place, line]) + "\n")
        self._file.flush()
        outcome = json.loads(self._file.readline() or '"it has ended"')
        assert outcome is None, f"{place}\n{outcome}"

    def end(self) -> None:
        """No more blocks."""
        self._file.close()
        self._process.wait()


async def _serve(reactor: Any) -> None:
    from twisted.internet.threads import deferToThread

    names: dict[str, Any] = {"__name__": "__page__"}
    while line := await deferToThread(sys.stdin.readline):
        outcome = await _outcome(*json.loads(line), names)
        sys.__stdout__.write(json.dumps(outcome) + "\n")
        sys.__stdout__.flush()


async def _outcome(text: str, place: str, line: int, names: dict[str, Any]) -> str | None:
    import traceback

    try:
        code = compile("\n" * (line - 1) + text, place, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        waiting = eval(code, names)
        if inspect.iscoroutine(waiting):
            await waiting
    except BaseException:
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    from twisted.internet.task import react

    warnings.simplefilter("error", SyntaxWarning)
    sys.stdout = sys.stderr  # what a block prints is not an answer
    react(_serve)
