"""The tables of a file with messages, and the connections to it."""

from __future__ import annotations

import os
import sqlite3

from txsmtpx.inbox.database_lock import DatabaseLock

APPLICATION = 0x74785342
"""The application ID of the files: ``txSB`` in ASCII."""

VERSION = 1
"""The version of the tables."""

CACHE = 8 * 1024
"""KiB of memory in which a connection keeps pages of the file."""

WAL = 64 * 1024 * 1024
"""Octets to which the write-ahead log is cut when it was longer."""

BUSY_SECONDS = 10
"""Seconds to wait for another process that has locked the file, such as a backup."""

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


def connect(path: str) -> sqlite3.Connection:
    """
    Open a file with messages.  Create it, if it does not exist or is empty.

    Args:
        path: The path.

    Returns:
        The connection, which may be used in one thread at a time.

    Raises:
        OSError: The file cannot be opened.
        sqlite3.Error: It cannot be used.
        ValueError: The file is another kind of database, or was written by a later version.
    """
    # Mail is private.  SQLite gives the log beside the file the same mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (tables or application or version):
        raise ValueError(f"{path} is a database of another program; name a new file")
    if version > VERSION:
        raise ValueError(f"{path} was written by a later version of txsmtpx; update txsmtpx, or name a new file")
    if not tables:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # The write-ahead log lets a search read while a message is written.  It stays on until it is turned off.
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: each commit is on the disk when it returns (guarantee 12).
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL}")
    if not tables:
        marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {marks} COMMIT;")


def check(path: str) -> None:
    """
    Check that a file can be opened and written, or can be created.

    Args:
        path: The path.

    Raises:
        ValueError: It cannot; the operator gets the text.
    """
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        raise ValueError(f"{path}: there is no directory {directory}; create it, or name another file")
    if not os.path.exists(path):  # it is created when it is used, which may be as another user
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ValueError(f"{path}: no file can be created in {directory}; name a file that can be written")
        return
    DatabaseLock(path).check()
    try:
        connection = connect(path)
        try:
            connection.execute("BEGIN IMMEDIATE").execute("ROLLBACK")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} cannot be used ({why}); name a file that can be written") from error
