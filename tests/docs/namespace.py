"""
The Python of a page: its blocks share their names, in a process that has a reactor.

As a program of its own this is that process, which reads blocks from its standard input, a line of JSON for each.
"""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Namespace:
    """Such a process."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, text: str, place: str, line: int) -> None:
        """
        Run one block.

        Raises:
            AssertionError: With its traceback.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([text, place, line]) + "\n")
        self._process.stdin.flush()
        outcome = json.loads(self._process.stdout.readline() or '"it has ended"')
        assert outcome is None, f"{place}\n{outcome}"

    def end(self) -> None:
        """No more blocks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
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

    sys.stdout = sys.stderr  # what a block prints is not an answer
    react(_serve)
