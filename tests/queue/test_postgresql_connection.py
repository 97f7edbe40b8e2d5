"""Connections to a real PostgreSQL: who creates the tables, what is on the disk, and what a lost machine leaves."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.postgresql_connection import NamedConnection, connect, named
from txsmtpx.queue.postgresql_queue import PostgreSQLQueue
from txsmtpx.queue.queued_mail import Selection

if TYPE_CHECKING:
    from tests.queue.postgresql_server import PostgreSQLServer

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def without_tables(postgresql: PostgreSQLServer) -> None:
    postgresql.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")


def test_several_processes_may_create_the_tables_at_once(postgresql: PostgreSQLServer) -> None:
    failures = []

    def create() -> None:
        try:
            connect(postgresql.url).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert postgresql.run("SELECT version FROM txsmtpx_queue.version") == [(1,)]


def test_each_commit_waits_for_the_disk(postgresql: PostgreSQLServer) -> None:
    connection = connect(postgresql.url)
    assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    connection.close()


def test_placeholders_are_those_of_psycopg(postgresql: PostgreSQLServer) -> None:
    assert named("due = :now AND owner = '' AND x = ANY(:ids)") == "due = %(now)s AND owner = '' AND x = ANY(%(ids)s)"
    connection = NamedConnection(connect(postgresql.url))
    connection.execute("CREATE TEMPORARY TABLE t (a integer, b text)")
    connection.executemany("INSERT INTO t VALUES (:a, :b)", [{"b": f"b{number}", "a": number} for number in range(3)])
    found = connection.execute("SELECT b FROM t WHERE a = ANY(:some) ORDER BY a", {"some": [0, 2]})
    assert (list(found), found.rowcount) == ([("b0",), ("b2",)], 2)
    connection.raw.close()


def test_a_machine_is_lost_within_a_transaction(
    postgresql: PostgreSQLServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks do not last until its connection ends, which takes hours."""
    queue = PostgreSQLQueue(postgresql.url, tmp_path)
    queue.add([new_mail()])
    with monkeypatch.context() as patched:
        patched.setattr("txsmtpx.queue.postgresql_connection.ABANDONED", 100)
        lost = PostgreSQLQueue(postgresql.url, tmp_path)
        lost.open()
    with contextlib.suppress(psycopg.Error), lost._transaction() as connection:
        connection.execute("SELECT 1 FROM recipient FOR UPDATE")
        assert queue.change(Selection(), "hold", NOW) == 1
    lost.close()
    queue.close()
