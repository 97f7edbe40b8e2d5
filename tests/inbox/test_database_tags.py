"""The tags of a file: its table, and the descriptions of its messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import pytest

from txsmtpx.inbox import database_tags


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    opened.executescript(
        "CREATE TABLE message (id INTEGER PRIMARY KEY, deletion INTEGER NOT NULL DEFAULT 0);"
        "CREATE TABLE description (id INTEGER PRIMARY KEY, listed TEXT NOT NULL);"
        "CREATE TABLE tag (name TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (name, message)) WITHOUT ROWID;"
    )
    for number in (1, 2, 3):
        opened.execute("INSERT INTO message (id, deletion) VALUES (?, ?)", (number, number == 3))
        opened.execute("INSERT INTO description VALUES (?, ?)", (number, json.dumps({"subject": "x", "tags": ["a"]})))
        database_tags.insert(opened, number, ["a"])
    yield opened
    opened.close()


def described(connection: sqlite3.Connection) -> list[object]:
    return [json.loads(listed)["tags"] for (listed,) in connection.execute("SELECT listed FROM description")]


def test_hidden_messages_do_not_count(connection):
    assert database_tags.counted(connection) == {"a": 2}


def test_replaced(connection):
    assert database_tags.replace(connection, {1: ["b", "ü", "b"], 2: [], 3: ["c"], 9: ["d"]}) == [1, 2]
    assert database_tags.counted(connection) == {"b": 1, "ü": 1}
    assert described(connection) == [["b", "ü", "b"], [], ["a"]]
    assert json.loads(connection.execute("SELECT listed FROM description").fetchone()[0])["subject"] == "x"


def test_lone_surrogates_are_stored_as_question_marks(connection):
    database_tags.replace(connection, {1: ["\ud800"]})
    assert database_tags.counted(connection) == {"?": 1, "a": 1}
    assert described(connection)[0] == ["?"]
