"""Messages are searched and read from a file."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from tests.inbox.stored_messages import SMALL, message, subjects
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_reader import SEARCH_SECONDS, DatabaseReader
from txsmtpx.inbox.database_writer import DatabaseWriter, StoreLimits
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.web_errors import Busy

EVERYTHING = SearchQuery("")


@pytest.fixture
def made(tmp_path):
    writer = DatabaseWriter(str(tmp_path / "mail.db"), StoreLimits())
    writer.open()
    reader = DatabaseReader(str(tmp_path / "mail.db"))
    yield writer, reader
    reader.close()
    writer.close()


def test_a_message_comes_back_as_it_was(made):
    writer, reader = made
    kept = replace(
        SMALL,
        sender="",
        recipients=tuple(f"user{n}@example.net" for n in range(2000)),
        content=bytes(range(256)) * 1000,
        username="me",
        facts={"score": 4.5},
    )
    writer.keep([kept], 0)
    found = reader.message(1)
    assert list(found.recipients) == list(kept.recipients)
    assert replace(found, recipients=(), recipient_options=(), id=0) == replace(
        kept, recipients=(), recipient_options=()
    )
    assert reader.size(1) == 256_000
    assert reader.piece(1, 255_990, 100) == bytes(range(246, 256))
    assert reader.piece(1, 300_000, 100) == b""


def test_what_is_not_there(made):
    writer, reader = made
    assert reader.latest() == 0
    writer.keep([message("a")], 0)
    writer.withdraw([1], 1)
    for number in (1, 2):
        for read in (reader.message, reader.size, reader.described, lambda number: reader.piece(number, 0, 1)):
            with pytest.raises(MessageDeleted):
                read(number)
    assert reader.latest() == 0


def test_a_part_of_a_list(made):
    writer, reader = made
    writer.keep([message(f"m{n}") for n in range(5)], 0)
    found = reader.listed(EVERYTHING, 1, 2, 5, False)
    assert (found.total, [number for number, _, _ in found.rows]) == (5, [4, 3])
    assert reader.listed(SearchQuery("m3"), 0, 2, 5, False).total == 1
    assert reader.listed(SearchQuery("nothing"), 0, 2, 5, False).rows == []
    assert reader.numbers(EVERYTHING, 3, False) == [5, 4]


def test_it_reads_what_was_committed_while_the_writer_writes(made):
    writer, reader = made
    writer.keep([message("a")], 0)
    with writer._transaction() as connection:
        connection.execute("DELETE FROM content")
        assert subjects(reader) == ["a"]


def test_a_search_has_an_end(made):
    writer, reader = made
    writer.keep([message(f"m{n}") for n in range(100)], 0)
    times = iter([0.0, *[SEARCH_SECONDS + 1.0] * 1000])
    reader._seconds = lambda: next(times)
    assert reader.latest() == 100
    reader._connection.set_progress_handler(lambda: reader._seconds() > reader._deadline, 1)
    reader._seconds = iter([0.0, *[SEARCH_SECONDS + 1.0] * 1000]).__next__
    for search in (
        lambda: reader.numbers(SearchQuery("m"), 0, True),
        lambda: reader.listed(SearchQuery("m"), 0, 9, 9, True),
    ):
        reader._seconds = iter([0.0, *[SEARCH_SECONDS + 1.0] * 1000]).__next__
        with pytest.raises(Busy):
            search()


def test_it_changes_nothing(made):
    _, reader = made
    with pytest.raises(Exception, match="readonly"):
        reader._connection.execute("DELETE FROM message")


def test_a_connection_that_was_not_prepared_to_its_end_is_not_used(made, monkeypatch):
    """It would have no limit on searches, and could change the file."""
    _, reader = made
    connect = database_schema.connect

    class Broken(sqlite3.Connection):
        def execute(self, statement):
            raise sqlite3.OperationalError("disk I/O error")

    broken = sqlite3.connect(":memory:", factory=Broken)
    opened = iter([lambda path: broken, connect])
    monkeypatch.setattr(database_schema, "connect", lambda path: next(opened)(path))
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        reader.latest()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        broken.commit()
    assert reader.latest() == 0
    assert reader._connection.execute("PRAGMA query_only").fetchone() == (1,)
