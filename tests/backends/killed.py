"""
A program that is killed before each of its system calls in turn, and then finds what it has left (guarantee 12).

``python -m tests.backends.killed DIRECTORY`` prints a line of JSON for each system call: its name, the messages that
were acknowledged before it, and those that are in each ``new`` after it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
from pathlib import Path

from tests.backends.disk import SMTP
from tests.threads import Threads
from txsmtpx import MaildirBackend
from txsmtpx.testing import Conversation

CALLS = ("open", "write", "pread", "fsync", "rename", "close", "unlink", "mkdir", "stat")

LARGE = 300_000
"""Octets, of which the first are written while the message is received."""

RECIPIENTS = [["b"], ["b", "c"], ["c"], ["c", "b"]]
"""Of the messages of a group, of which the last is large and stored alone."""


def recipients(number: int) -> list[str]:
    """Of the message of that number."""
    return RECIPIENTS[number % len(RECIPIENTS)]


def message(number: int) -> bytes:
    """The message of that number: one can see whether it is whole."""
    lines = LARGE // 12 if number % len(RECIPIENTS) == len(RECIPIENTS) - 1 else 20
    return b"Subject: %d\r\n\r\n%sthe end of %d\r\n" % (number, b"0123456789\r\n" * lines, number)


def numbers(new: Path) -> list[int]:
    """The numbers of the messages in ``new``, all of which have to be whole."""
    found = []
    for path in new.iterdir() if new.exists() else ():
        content = path.read_bytes()
        content = content[content.index(b"Subject: ") :]
        number = int(re.match(rb"Subject: (\d+)\r\n", content)[1])
        if content != message(number):
            raise ValueError(f"{path} holds half a message")
        found.append(number)
    return found


class Killed:
    """
    Counts the system calls of this process, and kills it before one of them.

    fsync is counted and not made: what a killed process has written is not lost with it.

    Args:
        last: How many may be made.
        trace: A descriptor; the name of the call that is not made any more is written to it.
    """

    def __init__(self, last: int, trace: int) -> None:
        self.write = os.write
        self._left = last
        self._trace = trace
        os.fsync = lambda descriptor: None
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name, function):
        def call(*arguments, **more):
            self._left -= 1
            if self._left < 0:
                self.write(self._trace, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **more)

        return call


def deliver(root: Path, first: int, killed: Killed, acknowledged: int) -> None:
    """Deliver a group; write the number of each message that was accepted to a descriptor."""
    threads = Threads()
    backend = MaildirBackend(str(root / "{local}"), threads, lambda descriptor: os.fsync(descriptor))
    clients = []
    for number in range(first, first + len(RECIPIENTS)):
        client = Conversation(backend)
        client.ask(*SMTP, *[f"RCPT TO:<{each}@localhost>" for each in recipients(number)], "DATA")
        client.send(message(number))
        clients.append((number, client))
    for _, client in clients:
        client.send(b".\r\n")
    while threads.waiting:
        threads.work()
        for number, client in clients:
            if any(reply.startswith("250 2.0.0 Ok: queued") for reply in client.replies()):
                killed.write(acknowledged, b"%d\n" % number)


def main(root: Path) -> None:
    """Deliver a group in a child that is killed before its first system call, its second, and so on to its end."""
    for last in itertools.count():
        trace, acknowledged = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            deliver(root, last * len(RECIPIENTS), Killed(last, trace[1]), acknowledged[1])
            os._exit(0)
        for end in (trace[1], acknowledged[1]):
            os.close(end)
        with open(trace[0]) as call, open(acknowledged[0]) as lines:
            _, status = os.waitpid(child, 0)
            stored = {name: numbers(root / name / "new") for name in "bc"}
            print(json.dumps({"call": call.read(), "acknowledged": [*map(int, lines)], "stored": stored}))
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
