"""One server at a time uses a file of messages."""

from __future__ import annotations

import errno
import os

import pytest

from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_lock import DatabaseLock
from txsmtpx.inbox.database_writer import DatabaseWriter, StoreLimits


def test_a_second_server_is_refused(tmp_path):
    """Guarantee 27: else the two would give the same numbers, and refuse mail later."""
    path = str(tmp_path / "mail.db")
    first, second = (DatabaseWriter(path, StoreLimits(None, None, None)) for _ in range(2))
    first.open()
    for use in (second.open, lambda: database_schema.check(path)):
        with pytest.raises(ValueError, match=r"mail\.db is used by another server; stop it, or name another file$"):
            use()
    first.close()
    second.open()
    second.close()
    database_schema.check(path)


def test_a_file_that_cannot_be_opened_is_not_locked(tmp_path):
    (tmp_path / "text").write_text("no database" * 100)
    writer = DatabaseWriter(str(tmp_path / "text"), StoreLimits(None, None, None))
    for _ in range(2):
        with pytest.raises(Exception, match="file is not a database"):
            writer.open()
    DatabaseLock(str(tmp_path / "text")).check()


def test_a_check_creates_nothing(tmp_path):
    DatabaseLock(str(tmp_path / "mail.db")).check()
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_takes_no_descriptors(tmp_path, monkeypatch):
    descriptors = []

    def flock(descriptor, operation):
        descriptors.append(descriptor)
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(OSError, match="No locks available"):
        DatabaseLock(str(tmp_path / "mail.db")).acquire()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])
