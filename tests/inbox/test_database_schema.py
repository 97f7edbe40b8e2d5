"""The file: which one is used, and which is not."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace

import pytest

from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_schema import APPLICATION, VERSION, check, connect


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_file(tmp_path):
    file = tmp_path / "mail.db"
    for _ in range(2):
        connection = connect(str(file))
        found = [pragma(connection, name) for name in ("journal_mode", "synchronous", "auto_vacuum", "user_version")]
        assert found == ["wal", 2, 2, VERSION]
        assert pragma(connection, "application_id") == APPLICATION
        connection.close()
    assert file.stat().st_mode & 0o777 == 0o600


def other(file, statement):
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_another_program_s_database_is_left_alone(tmp_path):
    file = tmp_path / "other.db"
    other(file, "CREATE TABLE x (y)")
    before = file.read_bytes()
    for function in (check, connect):
        with pytest.raises(ValueError, match=r"other\.db is a database of another program; name a new file"):
            function(str(file))
    assert file.read_bytes() == before


def test_a_later_version_is_left_alone(tmp_path):
    file = tmp_path / "mail.db"
    connect(str(file)).close()
    other(file, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ValueError, match="was written by a later version of txsmtpx"):
        check(str(file))


def test_what_cannot_be_used_is_said_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "text").write_text("no database" * 100)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for name, why in {
        "text": r"text cannot be used \(file is not a database\); name a new file",
        ".": r"cannot be used \(Is a directory\); name a file",
        "nowhere/mail.db": r"there is no directory .*nowhere; create it, or name another file",
        "new": "no file can be created in .*; name a file that can be written",
    }.items():
        with pytest.raises(ValueError, match=why) as raised:
            check(str(tmp_path / name))
        assert "\n" not in str(raised.value)


def test_a_check_creates_nothing(tmp_path):
    check(str(tmp_path / "mail.db"))
    assert list(tmp_path.iterdir()) == []
    connect(str(tmp_path / "mail.db")).close()
    check(str(tmp_path / "mail.db"))
    assert [each.name for each in tmp_path.iterdir()] == ["mail.db"]


def test_a_file_that_was_not_prepared_to_its_end(tmp_path, monkeypatch):
    """The tables are made together or not at all."""
    broken = replace(database_schema.SCHEMA, tables="CREATE TABLE message (id); CREATE TABEL x;")
    monkeypatch.setattr(database_schema, "SCHEMA", broken)
    with pytest.raises(sqlite3.OperationalError):
        connect(str(tmp_path / "mail.db"))
    monkeypatch.undo()
    connection = connect(str(tmp_path / "mail.db"))
    assert connection.execute("SELECT count(*) FROM word").fetchone() == (0,)
    connection.close()
