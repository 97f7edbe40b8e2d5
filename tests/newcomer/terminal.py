"""Where a newcomer types what the README prints: at the root of a clone."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Iterator

from tests.docs.network import network
from tests.docs.story import PATIENCE, Story, commands
from tests.newcomer.clone import Clone


class Terminal(Story):
    """One."""

    def __init__(self, clone: Clone, as_printed: bool) -> None:
        super().__init__(clone.directory, as_printed)
        self.environment = clone.environment | {"PYTHONUNBUFFERED": "1"}

    def port(self, printed: str) -> int:
        """What a port of the page is here."""
        return int(self.at_home(f"--port {printed}").split()[1])

    def type(self, text: str) -> None:
        """Commands, each until it ends or serves."""
        for command in commands(self.at_home(text)):
            self.run(command if self.as_printed else self._elsewhere(command))

    def _elsewhere(self, command: str) -> str:
        """The command with a port said, where it would have the usual one."""
        port, at = self.port("1025"), f"--port {self.port('1025')}"
        if "--port" in command or "--help" in command:
            return command
        if command == "make serve":
            return f"{command} ARGS='{at}'"
        if "make serve" in command:
            return command.replace("ARGS='", f"ARGS='{at} ")
        if command.startswith(".venv/bin/twistd"):
            return f"{command} {at}"
        if command.startswith(".venv/bin/python"):
            return f"{command} tcp:{'localhost:' if 'send' in command else ''}{port}"
        return command


@contextlib.contextmanager
def terminal_at(clone: Clone) -> Iterator[Terminal]:
    """Afterwards what it has served is over, and what that has written is gone."""
    before = set(clone.directory.iterdir())
    with network() as own:
        terminal = Terminal(clone, own)
        try:
            yield terminal
        finally:
            terminal.end()
            for left in set(clone.directory.iterdir()) - before:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def converse(terminal: Terminal, dialog: str) -> list[str]:
    """
    Type what a block types, ahead of the replies, and leave.

    Returns:
        What is said, to the end; before the last goodbye it is what the block shows.
    """
    lines = dialog.splitlines()[1:]
    shown = [line for line in lines if re.match(r"[2-5][0-9]{2} ", line)]
    typed = [*lines[: len(lines) - len(shown)], "QUIT"]
    with socket.create_connection(("127.0.0.1", terminal.port("1025")), PATIENCE) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in typed).encode())
        *said, goodbye = connection.makefile().read().splitlines()
    assert goodbye.startswith("221 ")
    assert said[len(said) - len(shown) :] == shown
    return said
