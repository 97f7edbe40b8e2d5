"""Messages are written into a file, and deleted from it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.inbox.stored_messages import SMALL, message, subjects
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import PURGED, DatabaseWriter, Totals
from txsmtpx.inbox.store_limits import StoreLimits

NO_LIMITS = StoreLimits()

TABLES = ("message", "description", "content", "tag", "word", "word_content")


class File:
    """A file with its writer and its reader."""

    def __init__(self, path: Path, limits: StoreLimits = NO_LIMITS) -> None:
        self.path = str(path)
        self.limits = limits
        self.open()

    def open(self) -> None:
        self.writer = DatabaseWriter(self.path, self.limits)
        self.writer.open()
        self.reader = DatabaseReader(self.path)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()

    def keep(self, *subjects: str, now: float = 0.0) -> list[int]:
        return self.writer.keep([message(each) for each in subjects], now)[1]

    def rows(self) -> dict[str, int]:
        connection = self.writer._connection
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}


@pytest.fixture
def file(tmp_path):
    made = File(tmp_path / "mail.db")
    yield made
    made.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals and fork")
def test_what_is_acknowledged_survives_sigkill_at_any_moment(tmp_path):
    """Guarantee 12: before whichever statement the process is killed; and what is stored is whole and found."""
    command = [sys.executable, "-m", "tests.inbox.killed_writer", str(tmp_path / "mail.db")]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[2])
    rounds = [json.loads(line) for line in said.stdout.splitlines()]
    statements = " ".join(each["statement"] for each in rounds)
    assert all(word in statements for word in ("INSERT INTO content", "COMMIT", "BEGIN", "word_content", "SELECT"))
    assert rounds[-1]["statement"] == ""
    acknowledged = []
    for each in rounds:
        acknowledged += each["acknowledged"]
        assert set(acknowledged) <= set(each["stored"])
        assert each["stored"] == each["found"]
    assert len(acknowledged) > 10


def test_totals_and_numbers_are_known_after_the_next_opening(file):
    file.keep("a", "b")
    file.writer.mark([1], True)
    size = len(message("a").content)
    assert file.writer.totals == Totals(2, 1, 2 * size)
    file.writer.withdraw([2], 1)
    while file.writer.purge(1):
        pass
    file.close()
    file.open()
    assert file.writer.totals == Totals(1, 0, size)
    file.keep("c")
    assert file.reader.latest() == 3  # no number is used twice


@pytest.mark.parametrize(("limits", "left"), [
    (StoreLimits(messages=2), ["d", "c"]), (StoreLimits(octets=40), ["d", "c"]), (StoreLimits(octets=1), ["d"]),
    (StoreLimits(messages=3, octets=40), ["d", "c"]), (StoreLimits(), ["d", "c", "b", "a"]),
])  # fmt: skip
@pytest.mark.parametrize("together", [False, True])
def test_the_oldest_make_room(tmp_path, limits, left, together):
    file = File(tmp_path / "mail.db", limits)
    gone = file.keep(*"abcd") if together else [number for each in "abcd" for number in file.keep(each)]
    assert subjects(file.reader) == left
    assert gone == list(range(1, 5 - len(left)))
    assert {file.rows()[name] for name in ("message", "content", "word", "description")} == {len(left)}
    assert file.writer.totals.octets == len(left) * len(message("a").content)
    file.close()


def test_the_limit_of_age(tmp_path):
    file = File(tmp_path / "mail.db", StoreLimits(age=100))
    early = SMALL.arrived
    file.writer.keep([replace(message("a"), arrived=early)], early)
    assert file.writer.expire(early + 100) == []
    assert file.writer.keep([replace(message("b"), arrived=early + 90)], early + 101)[1] == [1]
    assert file.writer.expire(early + 191) == [2]  # also the newest
    assert file.writer.totals == Totals()
    file.close()


def test_a_message_that_cannot_be_kept_does_not_harm_the_others(file):
    bad = replace(message("bad"), facts={"x": {1}})
    outcomes, _ = file.writer.keep([message("a"), bad, message("b")], 0)
    assert [type(each).__name__ for each in outcomes] == ["ListedMessage", "TypeError", "ListedMessage"]
    assert subjects(file.reader) == ["b", "a"]
    assert file.writer.totals.messages == 2
    assert file.rows()["message"] == file.rows()["word"] == 2


def test_a_full_disk_leaves_everything_as_it_was(file):
    file.keep("a")
    before = file.writer.totals
    file.writer._connection.execute("PRAGMA max_page_count = 1").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="full") as raised:
        file.keep("b", "x" * 100_000)
    assert raised.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    assert file.writer.totals == before
    file.writer._connection.execute("PRAGMA max_page_count = 1000000").fetchall()
    file.keep("c")
    assert subjects(file.reader) == ["c", "a"]
    assert file.reader.latest() == 2


def test_marks(file):
    file.keep(*"abc")
    assert file.writer.mark([1, 2, 9], True) == [1, 2]
    assert file.writer.mark([3, 2], True) == [3]
    assert file.writer.totals.unread == 0
    assert file.writer.mark([2], False) == [2]
    assert subjects(file.reader, "is:unread") == ["b"]


def test_a_deletion_and_its_end(file):
    file.keep(*"abc")
    file.writer.mark([2], True)
    assert file.writer.withdraw([1, 2, 9], 4) == [1, 2]
    assert file.writer.withdraw([1], 5) == []
    assert file.writer.totals[:2] == (1, 1)
    assert file.writer.restore(4, 0) == ([1, 2], [])
    assert file.writer.totals[:2] == (3, 2)
    file.writer.withdraw([1, 2], 6)
    assert file.writer.purge(6) is False
    assert file.writer.restore(6, 0) == ([], [])
    assert file.rows()["message"] == file.rows()["content"] == file.rows()["word_content"] == 1


def test_a_deletion_that_is_undone_may_make_room(tmp_path):
    file = File(tmp_path / "mail.db", StoreLimits(messages=2))
    file.keep(*"ab")
    file.writer.withdraw([1, 2], 1)
    file.keep("c")
    assert file.writer.restore(1, 0) == ([2], [1])
    assert subjects(file.reader) == ["c", "b"]
    file.close()


def test_many_messages_are_removed_in_steps_and_the_file_shrinks(file):
    file.writer.keep([message(f"m{n}", 3000) for n in range(PURGED + 50)], 0)
    file.reader.close()
    pages = file.writer._connection.execute("PRAGMA page_count").fetchone()[0]
    file.writer.withdraw(range(1, 1000), 1)
    assert [file.writer.purge(1), file.writer.purge(1)] == [True, False]
    assert file.rows() == dict.fromkeys(TABLES, 0)
    assert file.writer._connection.execute("PRAGMA page_count").fetchone()[0] < pages / 3


def test_what_the_process_before_has_deleted_is_purged_apart(file):
    """A deletion of this process may have the same number."""
    file.keep(*"ab")
    file.writer.withdraw([1], 1)
    file.close()
    file.open()
    file.writer.withdraw([2], 1)
    file.writer.purge(-1)
    assert file.writer.restore(1, 0)[0] == [2]
    assert file.rows()["message"] == 1


def test_pages_that_are_not_returned_do_not_stop_a_deletion(file, monkeypatch):
    """The messages of the step are removed then, and those of the next steps have to be."""
    file.writer.keep([message(f"m{n}") for n in range(PURGED + 50)], 0)
    file.reader.close()
    file.writer.withdraw(range(1, 1000), 1)
    monkeypatch.setattr("txsmtpx.inbox.database_writer.VACUUMED", "'")  # an error of SQLite
    with capturedLogs() as logs:
        assert [file.writer.purge(1), file.writer.purge(1)] == [True, False]
    assert file.rows() == dict.fromkeys(TABLES, 0)
    assert {formatEvent(each).partition(": ")[0] for each in logs} == {f"{file.path} does not become smaller"}


def test_an_opening_that_fails_leaves_no_connection(file, monkeypatch):
    file.keep("a")
    file.writer.withdraw([1], 1)
    file.writer._connection.execute(
        "CREATE TRIGGER broken BEFORE UPDATE ON message BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    file.writer.close()
    made, connect = [], database_schema.connect
    monkeypatch.setattr(database_schema, "connect", lambda path: made.append(connect(path)) or made[-1])
    with pytest.raises(sqlite3.IntegrityError, match="broken"):
        file.writer.open()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("DROP TRIGGER broken")
    with connect(file.path) as connection:
        connection.execute("DROP TRIGGER broken")
    connection.close()
    file.writer.open()
    assert file.writer.totals == Totals()
