"""The file of a queue: many messages cost little, and it is opened again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.queued_mail import RecipientOutcome, Selection
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


def test_only_leases_may_be_forgotten_if_the_power_fails(queue: SQLiteQueue) -> None:
    """They are of deliveries that end with it.  Each other commit is on the disk when it returns (guarantee 12)."""
    traced: list[str] = []
    queue._connection.set_trace_callback(traced.append)

    def mode_of_commits() -> set[str]:
        mode, found = "FULL", set()
        for statement in traced:
            if statement.startswith("PRAGMA synchronous"):
                mode = statement.rpartition(" ")[2]
            elif statement == "COMMIT":
                found.add(mode)
        assert mode == "FULL"
        traced.clear()
        return found

    queue.add([new_mail()])
    assert mode_of_commits() == {"FULL"}
    (lease,) = queue.lease("me", NOW, NOW + 1, 10, 10, ())
    queue.renew([lease], NOW + 2)
    queue.hand_back([lease])
    assert mode_of_commits() == {"NORMAL"}
    (lease,) = queue.lease("me", NOW, NOW + 1, 10, 10, ())
    traced.clear()
    queue.finish(lease, [RecipientOutcome(0, "delivered")], [])
    assert mode_of_commits() == {"FULL"}


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


NAMES = [f"{number:032x}.eml" for number in range(2)]


@pytest.mark.parametrize("name", [NAMES[0], "../queue.db"])
def test_a_directory_that_is_unusable_after_the_commit_fails_nothing(
    queue: SQLiteQueue, tmp_path: Path, name: str
) -> None:
    queue.add([new_mail(body=name, size=1)])
    (lease,) = queue.lease("me", NOW, NOW + 600, 10, 10, ())
    (tmp_path / "bodies").rmdir()
    (tmp_path / "bodies").touch()
    with capturedLogs() as logs:
        queue.finish(lease, [RecipientOutcome(0, "delivered")], [])
    assert queue.find(Selection(), 10, 0) == []
    reason = "Not a directory" if name in NAMES else "this is no name of a body: '../queue.db'"
    assert [(each["path"], str(each["reason"])) for each in logs] == [(tmp_path / "bodies" / name, reason)]
    queue.close()


def test_a_file_that_cannot_be_removed_does_not_stop_the_sweep(queue: SQLiteQueue, tmp_path: Path) -> None:
    queue.open()
    (tmp_path / "bodies" / NAMES[0]).mkdir()  # which unlink does not remove
    (tmp_path / "bodies" / NAMES[1]).touch()
    for name in NAMES:
        os.utime(tmp_path / "bodies" / name, (0, 0))
    with capturedLogs() as logs:
        assert [queue.sweep(1.0), queue.sweep(1.0)] == [1, 0]
    assert [(each["path"].name, each["reason"]) for each in logs] == [(NAMES[0], os.strerror(errno.EISDIR))]
    queue.close()


def test_the_directory_of_bodies_is_created_after_a_failure(queue: SQLiteQueue, tmp_path: Path) -> None:
    (tmp_path / "bodies").touch()
    for _ in range(2):
        with pytest.raises(FileExistsError):
            queue.depth(NOW)
    (tmp_path / "bodies").unlink()
    assert queue.depth(NOW).messages == 0
    assert (tmp_path / "bodies").is_dir()
    queue.close()
