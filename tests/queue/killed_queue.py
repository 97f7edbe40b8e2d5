"""
A program that uses a queue, and is killed before each SQL statement and each fsync in turn (guarantee 12).

``python -m tests.queue.killed_queue DIRECTORY`` uses files of SQLite.  With a second argument, the URL of a PostgreSQL,
it uses that.  It prints a line of JSON for each child: the step before which it was killed, what was done before, the
senders of the messages afterwards, and whether their bodies are whole.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.queue.mails import NOW, new_mail
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.queue.postgresql_queue import PostgreSQLQueue
from txsmtpx.queue.queued_mail import RecipientOutcome, Selection
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.queue.sqlite_queue import SQLiteQueue

BODY = b"x" * 70_000


class Killed:
    """Counts the steps of this process, and kills it before one of them."""

    def __init__(self, left: int, trace: int) -> None:
        self._left = left
        self._trace = trace

    def step(self, text: str) -> None:
        """Count a step."""
        self._left -= 1
        if self._left < 0:
            os.write(self._trace, text.encode()[:1000])
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_files(self) -> None:
        """Count what Python writes to the disk.  SQLite's own files are its own affair."""
        for name in ("fsync", "rename", "unlink"):
            original = getattr(os, name)

            def counted(*arguments: Any, name: str = name, original: Callable[..., Any] = original, **more: Any) -> Any:
                self.step(name)
                return original(*arguments, **more)

            setattr(os, name, counted)

    def watch_postgresql(self) -> None:
        """Count the statements that psycopg sends."""
        import psycopg

        original = psycopg.Cursor.execute

        def counted(cursor: Any, query: Any, *arguments: Any, **more: Any) -> Any:
            self.step(str(query))
            return original(cursor, query, *arguments, **more)

        psycopg.Cursor.execute = counted  # type: ignore[method-assign]


def opened(directory: str, url: str, round: int) -> SQLQueue:
    """The queue of a round."""
    bodies = Path(directory, f"{round}-bodies")
    bodies.mkdir(exist_ok=True)
    return PostgreSQLQueue(url, bodies) if url else SQLiteQueue(f"{directory}/{round}.db", bodies)


def work(queue: SQLQueue, bodies: BodyDirectory, done: int) -> None:
    """Store a message, deliver it with a report, and write what is done to a descriptor."""
    report = new_mail("ann@example.org", sender="", body=written(bodies), size=len(BODY))
    assert queue.add([new_mail("bob@example.net", body=written(bodies), size=len(BODY))]) == [None]
    os.write(done, b"added\n")
    (lease,) = queue.lease("me", NOW, NOW + 99, 10, 10, ())
    os.write(done, b"leased\n")
    queue.finish(lease, [RecipientOutcome(0, "failed", "550 5.1.1 No")], [report])
    os.write(done, b"finished\n")


def written(bodies: BodyDirectory) -> str:
    """Write a body, and return its name."""
    file = bodies.create()
    file.write(BODY)
    return file.publish()


def examined(queue: SQLQueue) -> tuple[list[str], bool]:
    """Return the senders of the messages, and whether their bodies are whole."""
    found = queue.find(Selection(), 10, 0)
    whole = True
    for mail in found:
        with queue.open_body(mail.id) as body:
            whole &= body.read() == BODY
    queue.change(Selection(), "delete", NOW)
    return [each.envelope.sender for each in found], whole


def main(directory: str, url: str = "") -> None:
    """Work in a child that is killed before its first step, its second, and so on to its end."""
    for last in itertools.count():
        trace, done = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            queue = opened(directory, url, last)
            queue.depth(NOW)
            killed = Killed(last, trace[1])
            if isinstance(queue, SQLiteQueue):
                killed.watch_files()
                queue._connection.set_trace_callback(killed.step)
            else:
                killed.watch_postgresql()
            work(queue, BodyDirectory(Path(directory, f"{last}-bodies")), done[1])
            os._exit(0)
        for end in (trace[1], done[1]):
            os.close(end)
        with open(trace[0]) as step, open(done[0]) as lines:
            _, status = os.waitpid(child, 0)
            queue = opened(directory, url, last)
            found, whole = examined(queue)
            queue.close()
            told = {"step": step.read(), "done": lines.read().split(), "found": found, "whole": whole}
            print(json.dumps(told))
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
