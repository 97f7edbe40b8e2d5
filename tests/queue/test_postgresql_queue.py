"""A queue in a real PostgreSQL that is used directly: its connection, its messages, and their bodies."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.postgresql_queue import PIECE, PostgreSQLQueue
from txsmtpx.queue.queue_rows import SQLConnection
from txsmtpx.queue.queued_mail import NewMail, Selection

if TYPE_CHECKING:
    from tests.queue.postgresql_server import PostgreSQLServer

pytestmark = pytest.mark.system


@pytest.fixture
def queue(postgresql: PostgreSQLServer, tmp_path: Path) -> PostgreSQLQueue:
    postgresql.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")
    return PostgreSQLQueue(postgresql.url, tmp_path)


def test_it_connects_when_it_is_used(queue: PostgreSQLQueue) -> None:
    assert queue.add([new_mail()]) == [None]
    for _ in range(2):
        queue.close()
    assert len(queue.find(Selection(), 10, 0)) == 1
    queue.close()


def test_a_message_that_cannot_be_stored_does_not_stop_the_others(queue: PostgreSQLQueue) -> None:
    twice, missing = new_mail(), new_mail(body="missing.eml", size=1)
    outcomes = queue.add([new_mail(), twice, twice, missing, new_mail()])
    assert [type(each).__name__ for each in outcomes] == [
        "NoneType", "NoneType", "UniqueViolation", "FileNotFoundError", "NoneType",
    ]  # fmt: skip
    assert queue.depth(NOW).messages == 3
    queue.close()


def test_a_body_comes_in_pieces(tmp_path: Path) -> None:
    octets = bytes(range(256)) * 1025
    (tmp_path / "body").write_bytes(octets)
    queue = PostgreSQLQueue("", tmp_path)
    pieces = list(queue._pieces("body"))
    assert [len(each) for each in pieces] == [PIECE, len(octets) - PIECE]
    assert b"".join(pieces) == octets
    assert list(queue._pieces(b"short")) == [b"short"]


def test_a_body_that_is_removed_by_another_process_while_it_is_read(
    postgresql: PostgreSQLServer, queue: PostgreSQLQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired lease may end so.  Half of a message is never taken for all of it."""
    octets = bytes(range(256)) * 4096
    (tmp_path / "body.eml").write_bytes(octets)
    mail = new_mail(body="body.eml", size=len(octets))
    assert queue.add([mail]) == [None]
    other = PostgreSQLQueue(postgresql.url, tmp_path)

    class Spool(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, octets: Any) -> int:
            other.change(Selection(), "delete", NOW)
            return super().write(octets)

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", Spool)
    with queue.open_body(mail.id) as body:
        assert body.read() == octets
    with pytest.raises(LookupError):
        queue.open_body(mail.id)
    queue.close()
    other.close()


def test_a_connection_whose_rollback_failed_is_not_used_again(queue: PostgreSQLQueue) -> None:
    """A crash of the database leaves it so, if it comes between the statements of `executemany`."""
    mail = new_mail()

    def crash(connection: SQLConnection, mail: NewMail) -> int:
        pgconn = connection.raw.pgconn  # type: ignore[attr-defined]
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(b"SELECT 1", None)
        raise psycopg.OperationalError("terminating connection due to administrator command")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue, "_insert_mail", crash)
        for _ in range(2):
            with pytest.raises(psycopg.OperationalError, match="terminating connection"):
                queue.add([mail])
    assert queue.add([mail]) == [None]
    assert queue.depth(NOW).messages == 1
    opened = queue._opened
    assert queue.add([mail]) != [None]  # an error of one message leaves the connection
    with pytest.raises(psycopg.errors.UniqueViolation), queue._transaction() as connection:
        queue._insert(connection, mail)
    assert queue._connection.raw is opened
    queue.close()
