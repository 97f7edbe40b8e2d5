"""A search as SQL.  What it finds is in test_inbox_store.py."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.database_query import DatabaseQuery
from txsmtpx.inbox.database_schema import connect
from txsmtpx.inbox.search_query import SearchQuery

WORDS = "SELECT count(*) FROM word WHERE word MATCH ?"
JOINED = "SELECT count(*) FROM word JOIN message ON message.id = word.rowid WHERE word MATCH ?"


@pytest.mark.parametrize(("text", "after", "hidden", "statement", "parameters"), [
    ("", 0, False, "SELECT count(*) FROM message", []),
    ("", 5, True, "SELECT count(*) FROM message WHERE NOT message.deletion AND message.id > ?", [5]),
    ("one to:two", 0, False, WORDS, ['"one" * AND {recipients copies} : "two" *']),
    ("one -two -from:three", 0, False, WORDS, ['("one" *) NOT ("two" * OR sender : "three" *)']),
    ("one", 5, True, f"{JOINED} AND NOT message.deletion AND word.rowid > ?", ['"one" *', 5]),
    ("tag:x one -larger:5", 0, False,
     f"{JOINED} AND message.id IN (SELECT message FROM tag WHERE name = ?) AND NOT (message.size > ?)",
     ['"one" *', "x", 5.0]),
    ("-one -two is:unread", 7, False, "SELECT count(*) FROM message WHERE NOT (message.read) AND message.id NOT IN "
     "(SELECT rowid FROM word WHERE word MATCH ?) AND message.id > ?", ['"one" * OR "two" *', 7]),
])  # fmt: skip
def test_the_statement(tmp_path, text, after, hidden, statement, parameters):
    query = DatabaseQuery(SearchQuery(text), after, hidden)
    assert query.count == (statement, parameters)
    connection = connect(str(tmp_path / "mail.db"))
    assert connection.execute(*query.count).fetchone() == (0,)
    assert connection.execute(*query.numbers(5, 10)).fetchall() == []
    connection.close()


@pytest.mark.parametrize(
    "text", ['"a" OR "b"', "a* NEAR(b)", "a AND NOT", "{sender} : x", "a\"b'c", "^x", "AND", "'; DROP"]
)
def test_no_word_is_an_operator(tmp_path, text):
    connection = connect(str(tmp_path / "mail.db"))
    connection.execute(*DatabaseQuery(SearchQuery(text), 0, False).count)
    connection.close()
