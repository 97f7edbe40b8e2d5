"""Files of SQLite: who creates the tables, and what is no such file."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import pytest

from txsmtpx.stores.sqlite_file import SQLiteSchema, check, connect, execute_all

SCHEMA = SQLiteSchema(0x74785321, 2, "CREATE TABLE one (id); CREATE TABLE two (id);")
OTHER = SQLiteSchema(0x74785322, 2, "CREATE TABLE three (id);")


def test_the_tables_are_created_once(tmp_path):
    path = str(tmp_path / "file.db")
    with connect(path, SCHEMA) as connection:
        connection.execute("INSERT INTO two VALUES (1)")
    connection.close()
    connection = connect(path, SCHEMA)
    assert connection.execute("SELECT id FROM two").fetchall() == [(1,)]
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_several_processes_may_open_a_new_file_at_once(tmp_path):
    path, failures = str(tmp_path / "file.db"), []

    def open_it():
        try:
            connect(path, SCHEMA).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_file_of_another_program(tmp_path):
    path = str(tmp_path / "file.db")
    connect(path, OTHER).close()
    with pytest.raises(ValueError, match=r"file\.db is a database of another program; name a new file$"):
        connect(path, SCHEMA)
    with pytest.raises(ValueError, match=r"is a database of another program"):
        check(path, SCHEMA)


def test_a_path_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file/queue.db", "file/below/queue.db"):
        with pytest.raises(ValueError, match=rf"{name}: .*/file is a file, not a directory; name another file$"):
            check(str(tmp_path / name), SCHEMA)


def test_the_file_of_a_later_version(tmp_path):
    path = str(tmp_path / "file.db")
    connect(path, SQLiteSchema(SCHEMA.application, 3, SCHEMA.tables)).close()
    with pytest.raises(ValueError, match="was written by a later version of txsmtpx"):
        connect(path, SCHEMA)


def test_only_the_owner_reads_the_file(tmp_path):
    connect(str(tmp_path / "file.db"), SCHEMA).close()
    assert (tmp_path / "file.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_locked(tmp_path, monkeypatch):
    monkeypatch.setattr("txsmtpx.stores.sqlite_file.BUSY_SECONDS", 0)
    path = str(tmp_path / "file.db")
    connection = connect(path, SCHEMA)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(ValueError, match=r"cannot be used \(database is locked\); name a file that can be written"):
        check(path, SCHEMA)
    connection.close()


def test_an_older_file_is_upgraded_once(tmp_path):
    path, upgrades = str(tmp_path / "file.db"), []
    connect(path, SCHEMA).close()

    def upgrade(connection):
        upgrades.append(1)
        execute_all(connection, "CREATE TABLE three (id); CREATE TRIGGER a AFTER INSERT ON one BEGIN SELECT 1; END;")

    check(path, replace(SCHEMA, version=3, upgrade=upgrade))
    assert upgrades == []  # a check changes nothing
    for _ in range(2):
        connection = connect(path, replace(SCHEMA, version=3, upgrade=upgrade))
        connection.execute("INSERT INTO three VALUES (1)")
        connection.close()
    assert upgrades == [1]
    with pytest.raises(ValueError, match="was written by a later version"):
        connect(path, SCHEMA)


def test_an_upgrade_that_fails_changes_nothing(tmp_path):
    path = str(tmp_path / "file.db")
    connect(path, SCHEMA).close()

    def upgrade(connection):
        execute_all(connection, "CREATE TABLE three (id); CREATE TABEL x;")

    with pytest.raises(sqlite3.OperationalError):
        connect(path, replace(SCHEMA, version=3, upgrade=upgrade))
    connection = connect(path, SCHEMA)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (2,)
    connection.close()
