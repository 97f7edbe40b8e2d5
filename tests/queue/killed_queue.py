"""
A program that uses a queue in SQLite, and is killed before each SQL statement in turn (guarantee 12).

``python -m tests.queue.killed_queue DIRECTORY`` prints a line of JSON for each child: the statement before which it was
killed, what was done before, and the senders of the messages that the file has afterwards.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.queued_mail import RecipientOutcome, Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue


def opened(directory: str, round: int) -> SQLiteQueue:
    """The queue of a round."""
    return SQLiteQueue(f"{directory}/{round}.db", Path(directory))


def work(queue: SQLiteQueue, done: int) -> None:
    """Store a message, deliver it with a report, and write what is done to a descriptor."""
    report = new_mail("ann@example.org", sender="")
    assert queue.add([new_mail("bob@example.net")]) == [None]
    os.write(done, b"added\n")
    (lease,) = queue.lease("me", NOW, NOW + 99, 10, 10, ())
    os.write(done, b"leased\n")
    queue.finish(lease, [RecipientOutcome(0, "failed", "550 5.1.1 No")], [report])
    os.write(done, b"finished\n")


def main(directory: str) -> None:
    """Work in a child that is killed before its first statement, its second, and so on to its end."""
    for last in itertools.count():
        trace, done = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            left = [last]

            def statement(text: str, left: list[int] = left, trace: int = trace[1]) -> None:
                left[0] -= 1
                if left[0] < 0:
                    os.write(trace, text.encode()[:1000])
                    os.kill(os.getpid(), signal.SIGKILL)

            queue = opened(directory, last)
            queue._connection.set_trace_callback(statement)
            work(queue, done[1])
            os._exit(0)
        for end in (trace[1], done[1]):
            os.close(end)
        with open(trace[0]) as killed, open(done[0]) as lines:
            _, status = os.waitpid(child, 0)
            queue = opened(directory, last)
            found = [each.envelope.sender for each in queue.find(Selection(), 10, 0)]
            queue.close()
            print(json.dumps({"statement": killed.read(), "done": lines.read().split(), "found": found}))
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(sys.argv[1])
