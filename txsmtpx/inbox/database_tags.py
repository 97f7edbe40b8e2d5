"""The tags of a file: the table ``tag``, which the search uses, and the tags in the descriptions of messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence


def insert(connection: sqlite3.Connection, number: int, tags: Iterable[str]) -> None:
    """
    Insert the tags of a message.

    Args:
        connection: The connection.
        number: The number of the message.
        tags: Its tags.
    """
    names = {_storable(tag) for tag in tags}
    connection.executemany("INSERT INTO tag VALUES (?, ?)", ((name, number) for name in names))


def counted(connection: sqlite3.Connection) -> dict[str, int]:
    """
    Count the messages of each tag.

    Args:
        connection: The connection.

    Returns:
        The number of messages of each tag.
    """
    statement = "SELECT name, count(*) FROM tag JOIN message ON id = message WHERE NOT deletion GROUP BY name"
    return dict(connection.execute(statement).fetchall())


def replace(connection: sqlite3.Connection, tags: Mapping[int, Sequence[str]]) -> list[int]:
    """
    Replace the tags of messages.

    Args:
        connection: The connection, in a transaction.
        tags: The new tags by the number of the message.

    Returns:
        The numbers of the messages that exist.
    """
    wanted = "SELECT id FROM message WHERE id IN (SELECT value FROM json_each(?)) AND NOT deletion ORDER BY id"
    found = [number for (number,) in connection.execute(wanted, (json.dumps(list(tags)),))]
    for number in found:
        connection.execute("DELETE FROM tag WHERE message = ?", (number,))
        insert(connection, number, tags[number])
        connection.execute(
            "UPDATE description SET listed = json_set(listed, '$.tags', json(?)) WHERE id = ?",
            (json.dumps(list(map(_storable, tags[number]))), number),
        )
    return found


def _storable(tag: str) -> str:
    """Return a tag without lone surrogates, which a database cannot store."""
    return tag.encode("utf-8", "replace").decode("utf-8")
