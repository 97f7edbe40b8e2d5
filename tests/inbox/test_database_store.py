"""A store in a file: its changes, its limits, and its failures.  What it finds is in test_inbox_store.py."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.logger import capturedLogs, formatEvent

from tests.inbox.stored_messages import changes, failing, message, opened, result
from tests.threads import Threads
from txsmtpx.inbox import database_store
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.web_errors import Busy

EVERYTHING = SearchQuery("")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "mail.db")


def test_a_subscriber_that_fails_harms_nobody(path, logged_failures):
    store, kept = opened(path), []
    store.subscribe(lambda change: 1 / 0)
    told = changes(store)
    store.keep(message("a")).addCallback(kept.append)
    assert (kept, told) == ([1], [("arrived", [1])])
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    store.close()


def test_changes_are_told(path):
    store = opened(path, messages=2)
    told = changes(store)
    for name in "abc":
        store.keep(message(name))
    result(store.mark([2, 3], True))
    result(store.mark([2, 3], True))
    result(store.delete([2], 1))
    store.keep(message("d"))
    assert result(store.restore(1)) == 0
    assert told == [
        ("arrived", [1]), ("arrived", [2]), ("arrived", [3]), ("deleted", [1]), ("marked", [2, 3]), ("deleted", [2]),
        ("arrived", [4]), ("deleted", [2]),
    ]  # fmt: skip
    store.close()


def test_what_the_process_before_has_deleted_goes_when_the_file_is_opened(path):
    store = opened(path)
    for n in range(500):
        store.keep(message(f"m{n}"))
    result(store.delete(range(1, 450), 1))
    store.close()
    store = opened(path)
    assert (result(store.listed(EVERYTHING, 0, 10)).total, store.total, store._hidden) == (51, 51, set())
    connection = store._reader._connection
    assert connection.execute("SELECT count(*) FROM message").fetchone() == (51,)
    store.close()


def test_requests_for_a_message_share_it(path):
    store = opened(path)
    store.keep(message("a", 1000))
    one, other = result(store.message(1)), result(store.message(1))
    assert one is other
    del one, other
    gc.collect()
    assert len(store._messages) == 0
    assert result(store.message(1)).id == 1
    result(store.delete([1], 1))
    with pytest.raises(MessageDeleted):
        result(store.message(1))
    store.close()


def test_what_is_open_is_limited(path, monkeypatch):
    monkeypatch.setattr(database_store, "MAX_OPEN", 1500)
    store = opened(path)
    for name in "abc":
        store.keep(message(name, 1000))
    one = result(store.message(1))
    with pytest.raises(Busy):
        result(store.message(2))
    del one
    assert result(store.message(2)).id == 2
    store.keep(message("d", 5000))
    assert result(store.message(4)).id == 4  # one alone may be longer
    store.close()


def test_a_request_that_ends_does_not_keep_a_change_from_being_told(path):
    threads = Threads()
    store = opened(path, threads)
    told = changes(store)
    store.keep(message("a"))
    while threads.waiting:
        threads.work()
    work = store.mark([1], True)
    next(work)
    work.close()
    while threads.waiting:
        threads.work()
    assert told == [("arrived", [1]), ("marked", [1])]
    store.close()
    while threads.waiting:
        threads.work()


def test_old_messages_go(path):
    store = opened(path, age=100)
    told = changes(store)
    store.keep(message("a"))
    store._now = lambda: message("a").arrived + 101
    store.expire()
    assert told == [("arrived", [1]), ("deleted", [1])]
    store.close()


def test_a_failure_to_remove_is_logged(path):
    store = opened(path)
    store.keep(message("a"))
    store._in_writer = failing(OSError("gone"))
    with capturedLogs() as log:
        store.discard(1)
        store.expire()
    assert list(map(formatEvent, log)) == ["the inbox cannot remove deleted messages from its file: gone"] * 2
    store._in_writer = maybeDeferred
    store.close()
