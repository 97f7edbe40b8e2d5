"""The tables of a file with messages, and the connections to it."""

from __future__ import annotations

import os
import sqlite3

from txsmtpx.inbox import database_mailboxes
from txsmtpx.inbox.database_lock import DatabaseLock
from txsmtpx.stores import sqlite_file
from txsmtpx.stores.sqlite_file import SQLiteSchema

APPLICATION = 0x74785342
"""The application ID of the files: ``txSB`` in ASCII."""

VERSION = 2
"""The version of the tables.  Version 1 has no mailboxes."""

_TABLES = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived REAL NOT NULL,
    size INTEGER NOT NULL,
    attachments INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0,
    deletion INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX deleted ON message (deletion) WHERE deletion;
CREATE TABLE description (id INTEGER PRIMARY KEY, listed TEXT NOT NULL, envelope TEXT NOT NULL);
CREATE TABLE content (id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE tag (name TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (name, message)) WITHOUT ROWID;
CREATE INDEX tagged ON tag (message);
CREATE VIRTUAL TABLE word USING fts5 (
    sender, recipients, copies, subject, message_id, body, tokenize = 'ascii', prefix = '1 2'
);
"""
# The words come from `words_of`: in lower case, with spaces.  The tokenizer "ascii" leaves them as they are.


def _add_mailboxes(connection: sqlite3.Connection) -> None:
    sqlite_file.execute_all(connection, database_mailboxes.TABLES)
    database_mailboxes.fill(connection)


SCHEMA = SQLiteSchema(APPLICATION, VERSION, _TABLES + database_mailboxes.TABLES, _add_mailboxes)
"""The tables, and their marks."""


def connect(path: str) -> sqlite3.Connection:
    """
    Open a file with messages.  Create it, if it does not exist or is empty.

    Args:
        path: The path.

    Returns:
        As `txsmtpx.stores.sqlite_file.connect`.

    Raises:
        OSError: The file cannot be opened.
        sqlite3.Error: It cannot be used.
        ValueError: The file is another kind of database, or was written by a later version.
    """
    return sqlite_file.connect(path, SCHEMA)


def check(path: str) -> None:
    """
    Check that a file can be opened and written, or can be created, and that no other server uses it.

    Args:
        path: The path.

    Raises:
        ValueError: It cannot; the operator gets the text.
    """
    if os.path.exists(path):
        DatabaseLock(path).check()
    sqlite_file.check(path, SCHEMA)
