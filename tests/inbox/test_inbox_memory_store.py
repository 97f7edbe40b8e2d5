"""The messages of a memory backend, as the inbox uses them: which are found, and what is kept of each."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_memory_store import SEARCH_SECONDS
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.web_errors import Busy


@pytest.fixture
def store(web):
    return web.store


def done(work):
    """The result of work, whose steps are done at once."""
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            return end.value
        assert step is None, "it waits"


def test_a_summary_is_made_once_and_ends_with_its_message(web, store):
    received = web.keep(b"Subject: x\r\n\r\n")
    first = store.summary_of(received)
    assert store.summary_of(received) is first
    web.backend.delete(1)
    assert store._summaries == {}
    assert store.summary_of(received) is not first
    assert store._summaries == {}  # a message that was deleted is not kept


def test_a_summary_counts_as_memory_of_its_message(web, store):
    received, held = web.keep(b"Subject: x\r\n\r\n"), []
    web.backend.hold = lambda number, octets: held.append((number, octets))
    summary = store.summary_of(received)
    assert held == [(1, summary.held)]


def test_a_search_finds_the_newest_first(web, store):
    for n in range(4):
        web.keep(b"Subject: %b\r\n\r\n" % (b"odd" if n % 2 else b"even"))
    assert done(store.numbers(SearchQuery(""))) == [4, 3, 2, 1]
    assert done(store.numbers(SearchQuery("odd"))) == [4, 2]
    assert done(store.numbers(SearchQuery("odd"), 2)) == [4]


def test_a_search_goes_on_over_what_is_deleted_meanwhile(web, store):
    for _ in range(3):
        web.keep(b"")
    search = store.numbers(SearchQuery("you"))
    next(search)
    web.backend.delete(2)
    web.keep(b"")
    assert done(search) == [3, 1]


def test_a_search_has_an_end(web, store):
    for _ in range(3):
        web.keep(b"")
    search = store.numbers(SearchQuery("you"))
    next(search)
    web.clock.advance(SEARCH_SECONDS + 1)
    with pytest.raises(Busy):
        next(search)


def test_what_is_deleted_already_is_passed_over(web, store):
    for _ in range(3):
        web.keep(b"")
    assert done(store.delete([3, 9, 1, 3], 1)) == 2
    assert web.backend.numbers == [2]


def test_a_message(web, store):
    received = web.keep(b"0123456789")
    assert done(store.message(1)) is received
    assert done(store.piece(1, 3, 4)) == b"3456"
    assert done(store.described(1)).size == 10
    assert store.hold(1, 5)
    web.backend.delete(1)
    assert not store.hold(1, 5)
    for work in (store.message(1), store.piece(1, 0, 1), store.described(1)):
        with pytest.raises(MessageDeleted):
            done(work)


def test_what_was_read(web, store):
    web.keep(b"")
    web.keep(b"")
    assert (store.total, store.unread) == (2, 2)
    done(store.mark([1, 1, 7], True))
    done(store.mark([1], True))
    assert (store.unread, done(store.described(1)).read) == (1, True)
    done(store.mark([1, 2], False))
    assert store.unread == 2
    done(store.mark([1], True))
    web.backend.delete(1)
    assert (store.total, store.unread, store._read) == (1, 1, set())


def test_only_what_changes_is_told(web, store):
    changes = []
    store.subscribe(lambda change: changes.append((change.kind, list(change.numbers))))
    web.keep(b"")
    web.keep(b"")
    done(store.mark([1, 2], False))
    done(store.mark([1, 2], True))
    done(store.delete([1], 5))
    assert done(store.restore(5)) == 1
    assert done(store.restore(5)) == 0
    assert changes == [
        ("arrived", [1]), ("arrived", [2]), ("marked", [1, 2]), ("deleted", [1]), ("restored", [1])
    ]  # fmt: skip


def test_a_deletion_that_is_undone_leaves_everything_as_it_was(web, store):
    """The order, the marks and the summaries; and no memory is counted twice."""
    for n in range(3):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    done(store.mark([2], True))
    done(store.listed(SearchQuery(""), 0, 10))
    before = web.backend._octets
    for _ in range(3):
        done(store.delete([1, 2], 1))
        assert (store.total, store.unread) == (1, 1)
        done(store.restore(1))
        done(store.listed(SearchQuery(""), 0, 10))
    assert [each.id for each in web.backend.messages] == [1, 2, 3]
    assert (store.unread, done(store.described(2)).read) == (2, True)
    assert web.backend._octets == before


def test_nothing_is_left_of_a_deletion_that_is_final(web, store):
    web.keep(b"")
    empty = web.backend._octets
    web.keep(b"x" * 1000)
    done(store.mark([2], True))
    done(store.listed(SearchQuery(""), 0, 10))
    done(store.delete([2, 1], 1))
    store.discard(1)
    assert (store._summaries, store._read, store._deletions, web.backend._octets) == ({}, set(), {}, 0)
    assert empty > 0
