"""The file of a queue: many messages cost little, and it is opened again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue


@pytest.fixture
def queue(tmp_path: Path) -> SQLiteQueue:
    return SQLiteQueue(str(tmp_path / "queue.db"), tmp_path / "bodies")


def steps(queue: SQLiteQueue, lease: bool) -> int:
    """The thousands of steps of SQLite's virtual machine for a lease, or for the question what is due next."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    queue._connection.set_progress_handler(count, 1000)
    if lease:
        queue.lease("me", NOW, NOW + 1, 10, 10, ())
    else:
        queue.next_due(())
    queue._connection.set_progress_handler(None, 1000)
    return counted[0]


def test_a_lease_costs_the_same_whatever_waits(queue: SQLiteQueue) -> None:
    """Messages that are not due yet, or that are leased, are not looked at."""
    queue.add([new_mail(f"a@{number}.example", due=NOW + number) for number in range(1, 3000)])
    queue.add([new_mail(f"a@{number}.example", priority=4, due=NOW + 1) for number in range(3000)])
    queue.add([new_mail(f"b@{number}.example") for number in range(2000)])
    assert len(queue.lease("other", NOW, NOW + 99, 1990, 10, ())) == 1990
    assert steps(queue, lease=True) <= 5
    assert steps(queue, lease=False) <= 1
    assert queue.depth(NOW).leased == 2000


def test_a_file_is_opened_again(queue: SQLiteQueue) -> None:
    queue.add([new_mail()])
    queue.close()
    queue.close()
    assert len(queue.find(Selection(), 10, 0)) == 1
    queue.close()
