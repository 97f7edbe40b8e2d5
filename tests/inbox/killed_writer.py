"""
A program that keeps messages in a file, and is killed before each SQL statement in turn (guarantee 12).

``python -m tests.inbox.killed_writer FILE`` prints a line of JSON for each child: the statement before which it was
killed, the messages that were acknowledged before, and those that the file has afterwards.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import sys

from twisted.internet.defer import maybeDeferred

from tests.inbox.stored_messages import message, subjects
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_store import DatabaseStore
from txsmtpx.inbox.database_writer import StoreLimits


class Killed:
    """Counts the statements of this process, and kills it before one of them."""

    def __init__(self, last: int, trace: int) -> None:
        self._left = last
        self._trace = trace
        connect = database_schema.connect

        def connected(path: str) -> sqlite3.Connection:
            connection = connect(path)
            connection.set_trace_callback(self._statement)
            return connection

        database_schema.connect = connected

    def _statement(self, text: str) -> None:
        self._left -= 1
        if self._left < 0:
            os.write(self._trace, text.encode()[:1000])
            os.kill(os.getpid(), signal.SIGKILL)


def keep(file: str, first: int, acknowledged: int) -> None:
    """Keep messages one by one; write the subject of each that was accepted to a descriptor.  Delete one of them."""
    store = DatabaseStore(file, StoreLimits(messages=1000), lambda: 0.0, maybeDeferred)
    for number in range(first, first + 3):
        kept = store.keep(message(f"m{number}", 10_000 * (number % 2)))
        kept.addCallback(lambda _, number=number: os.write(acknowledged, b"m%d\n" % number))


def main(file: str) -> None:
    """Keep messages in a child that is killed before its first statement, its second, and so on to its end."""
    for last in itertools.count():
        trace, acknowledged = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            Killed(last, trace[1])
            keep(file, 3 * last, acknowledged[1])
            os._exit(0)
        for end in (trace[1], acknowledged[1]):
            os.close(end)
        with open(trace[0]) as statement, open(acknowledged[0]) as lines:
            _, status = os.waitpid(child, 0)
            reader = DatabaseReader(file)
            found = subjects(reader)
            searched = subjects(reader, "subject:m to:you@example.net")
            reader.close()
            said = {"statement": statement.read(), "acknowledged": lines.read().split(), "stored": found}
            print(json.dumps(said | {"found": searched}))
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(sys.argv[1])
