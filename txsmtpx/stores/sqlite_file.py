"""Files of SQLite: how they are opened, and recognized."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

CACHE = 8 * 1024
"""KiB of memory in which a connection keeps pages of the file."""

WAL = 64 * 1024 * 1024
"""Octets to which the write-ahead log is cut when it was longer."""

BUSY_SECONDS = 10
"""Seconds to wait for another process that has locked the file, such as a backup."""


@dataclass(frozen=True)
class SQLiteSchema:
    """
    The tables of a file, and the marks by which it is recognized.

    Attributes:
        application: The application ID of such files.
        version: The version of the tables.
        tables: The statements that create the tables.
        upgrade: It changes the tables of an older file, within a transaction.  None: there is no older version.
    """

    application: int
    version: int
    tables: str
    upgrade: Callable[[sqlite3.Connection], None] | None = None


def connect(path: str, schema: SQLiteSchema) -> sqlite3.Connection:
    """
    Open a file.  Create it, if it does not exist or is empty.

    Args:
        path: The path.
        schema: The tables.

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
    with closed_on_failure(connection):
        _prepare(connection, path, schema)
    return connection


@contextlib.contextmanager
def closed_on_failure(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """
    Close a connection if the block fails.  So no connection is used that was not prepared to its end.

    Args:
        connection: The connection.

    Yields:
        The connection.
    """
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection, path: str, schema: SQLiteSchema) -> None:
    connection.execute("BEGIN")  # another process may create the tables between two questions
    try:
        empty = _is_empty(connection, path, schema)
    finally:
        connection.execute("COMMIT")
    if empty:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # The write-ahead log lets one connection read while another one writes.  It stays on until it is turned off.
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: each commit is on the disk when it returns (guarantee 12).
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL}")
    if empty:
        _create(connection, path, schema)
    elif schema.upgrade is not None:
        _upgrade(connection, schema)


def _create(connection: sqlite3.Connection, path: str, schema: SQLiteSchema) -> None:
    with transaction(connection):
        if _is_empty(connection, path, schema):  # no other process has created the tables meanwhile
            execute_all(connection, schema.tables)
            connection.execute(f"PRAGMA application_id = {schema.application}")
            connection.execute(f"PRAGMA user_version = {schema.version}")


def _upgrade(connection: sqlite3.Connection, schema: SQLiteSchema) -> None:
    if _version(connection) < schema.version:
        with transaction(connection):
            if _version(connection) < schema.version:  # no other process has done it meanwhile
                assert schema.upgrade is not None
                schema.upgrade(connection)
                connection.execute(f"PRAGMA user_version = {schema.version}")


def execute_all(connection: sqlite3.Connection, statements: str) -> None:
    """
    Execute statements within a transaction, which ``executescript`` would end.

    Args:
        connection: The connection.
        statements: The statements, each with its semicolon.  A trigger has several.
    """
    held = ""
    for piece in statements.split(";")[:-1]:
        held += f"{piece};"
        if sqlite3.complete_statement(held):
            connection.execute(held)
            held = ""


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _is_empty(connection: sqlite3.Connection, path: str, schema: SQLiteSchema) -> bool:
    """
    Return whether the file has no tables yet.

    Returns:
        True if it has none.

    Raises:
        ValueError: It has tables, but others.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = _version(connection)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != schema.application and (tables or application or version):
        raise ValueError(f"{path} is a database of another program; name a new file")
    if version > schema.version:
        raise ValueError(f"{path} was written by a later version of txsmtpx; update txsmtpx, or name a new file")
    return not tables


@contextlib.contextmanager
def transaction(
    connection: sqlite3.Connection, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE"
) -> Iterator[sqlite3.Connection]:
    """
    Change the file: all that happens within is stored together, or nothing of it.

    Args:
        connection: The connection.
        kind: "DEFERRED" to read only.  Other processes may write meanwhile, which the block does not see.

    Yields:
        The connection.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors, such as a full disk, have ended it
            connection.execute("ROLLBACK")
        raise


def check(path: str, schema: SQLiteSchema) -> None:
    """
    Check that a file can be opened and written, or can be created.

    Args:
        path: The path.
        schema: The tables.

    Raises:
        ValueError: It cannot; the operator gets the text.
    """
    directory = os.path.dirname(os.path.abspath(path))
    nearest = next(each for each in (Path(directory), *Path(directory).parents) if each.exists())
    if not nearest.is_dir():
        raise ValueError(f"{path}: {nearest} is a file, not a directory; name another file")
    if not os.path.isdir(directory):
        raise ValueError(f"{path}: there is no directory {directory}; create it, or name another file")
    if not os.path.exists(path):  # it is created when it is used, which may be as another user
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ValueError(f"{path}: no file can be created in {directory}; name a file that can be written")
        return
    try:
        connection = connect(path, replace(schema, upgrade=None))  # a check does not change the tables
        try:
            connection.execute("BEGIN IMMEDIATE").execute("ROLLBACK")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        other = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB
        fix = "name a new file" if other else "name a file that can be written"
        raise ValueError(f"{path} cannot be used ({why}); {fix}") from error
