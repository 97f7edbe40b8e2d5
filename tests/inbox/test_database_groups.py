"""Messages are written in groups; what becomes of those that cannot be written."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.python.failure import Failure

from tests.inbox.stored_messages import changes, failing, message, opened
from tests.threads import Threads
from txsmtpx.inbox import database_groups
from txsmtpx.inbox.database_groups import MAX_BATCH, NotStored


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "mail.db")


def test_what_arrives_meanwhile_is_written_together(path):
    threads = Threads()
    store, acknowledged = opened(path, threads), []
    told = changes(store)
    for n in range(MAX_BATCH + 3):
        store.keep(message(f"m{n}")).addCallback(acknowledged.append)
    assert len(threads.waiting) == 1
    for so_far in (1, MAX_BATCH + 1, MAX_BATCH + 3):
        while len(acknowledged) < so_far:
            threads.work()
        assert len(acknowledged) == so_far
    assert acknowledged == list(range(1, MAX_BATCH + 4))
    assert told == [("arrived", [number]) for number in acknowledged]
    store.close()
    while threads.waiting:
        threads.work()


def test_long_messages_are_not_written_together(path, monkeypatch):
    monkeypatch.setattr(database_groups, "MAX_BATCH_OCTETS", 1000)
    threads = Threads()
    store, acknowledged = opened(path, threads), []
    for size in (1, 600, 300, 300, 5000, 1):
        store.keep(message("m", size)).addCallback(acknowledged.append)
    groups = []
    while len(acknowledged) < 6:
        before = len(acknowledged)
        threads.work()
        groups += [len(acknowledged) - before] if len(acknowledged) > before else []
    assert groups == [1, 2, 1, 1, 1]
    store.close()
    while threads.waiting:
        threads.work()


def test_a_client_that_is_gone_is_left_out(path):
    threads = Threads()
    store, told = opened(path, threads), []
    for name in "abc":
        store.keep(message(name)).addErrback(told.append)
    waiting = [stored for _, stored in store._groups._waiting]
    waiting[0].cancel()
    while threads.waiting:
        threads.work()
    assert [failure.type.__name__ for failure in told] == ["CancelledError"]
    assert store.total == 2
    store.close()
    while threads.waiting:
        threads.work()


def test_a_client_that_goes_while_its_message_is_written(path):
    """It is stored, as nobody can say."""
    threads = Threads()
    store, told = opened(path, threads), []
    stored = store.keep(message("a")).addErrback(told.append)
    stored.cancel()
    while threads.waiting:
        threads.work()
    assert (store.total, len(told)) == (1, 1)
    store.close()
    while threads.waiting:
        threads.work()


def full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize(("error", "is_full"), [(full(), True), (OSError("gone"), False)], ids=["full", "gone"])
def test_each_client_hears_of_a_failure_by_an_exception_of_its_own(path, error, is_full):
    threads, found = Threads(), []
    store = opened(path, threads)
    for name in "abc":
        store.keep(message(name)).addErrback(lambda failure: found.append(failure.value))
    store._groups._in_thread = failing(error)
    threads.work()
    assert [(type(each), each.full) for each in found] == [(NotStored, is_full)] * 2
    assert found[0] is not found[1]
    store._groups._in_thread = maybeDeferred
    kept = []
    store.keep(message("d")).addCallback(kept.append)
    assert kept == [2]
    store._in_reader = maybeDeferred
    store.close()


def test_a_message_that_alone_cannot_be_kept(path):
    store, found = opened(path), []
    store.keep(replace(message("bad"), facts={"x": {1}})).addErrback(lambda failure: found.append(failure.value))
    store.keep(message("good")).addCallback(found.append)
    assert [type(found[0]), found[1]] == [NotStored, 1]
    store.close()


def test_a_failure_after_the_writing_is_logged_and_is_no_end(path, logged_failures):
    store = opened(path)
    store._groups._continue(Failure(ZeroDivisionError()))
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    kept = []
    store.keep(message("a")).addCallback(kept.append)
    assert kept == [1]
    store.close()
