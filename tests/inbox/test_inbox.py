"""The messages of the inbox: which are found, which were read, and what becomes of them."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from txsmtpx.inbox.inbox import PIECE, SEARCH_SECONDS
from txsmtpx.inbox.inbox_errors import Busy, MessageDeleted
from txsmtpx.inbox.search_query import SearchQuery


def test_what_is_opened_is_read(web):
    for n in range(3):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    page = web.get("/messages/2").text
    assert page.count('class="unread"') == 2
    assert "<title>1 · (2) Inbox</title>" in page
    assert 'data-id="2" aria-current="true"' in page
    web.backend.delete(2)
    assert "2 unread" in web.get("/").text


def test_a_message_that_is_gone_while_it_is_opened(web):
    """Opening it does not bring it back."""
    received = web.keep(b"x" * 300_000)
    line = web.line("GET", "/messages/1", work=False)
    for _ in range(3):
        web.clock.advance(0)
    web.backend.clear()
    assert line.answer.status == 200
    assert web.site.inbox.unread == 0
    assert web.get("/messages/1").status == 404
    assert received.id not in web.backend


def test_the_latest(web):
    assert web.get("/api/messages/latest").status == 404
    web.keep(b"Subject: one\r\n\r\n")
    web.keep(b"Subject: two\r\n\r\n")
    assert web.json("/api/messages/latest")["subject"] == "two"


def test_a_deletion_goes_on_when_the_client_disconnects(web):
    for _ in range(100):
        web.keep(b"")
    line = web.line("DELETE", "/api/messages?search=you", work=False)
    web.clock.advance(0)
    line.protocol.connectionLost(Failure(ConnectionDone()))
    web.clock.work()
    assert web.backend.messages == []


def test_what_arrives_during_the_search_is_not_missed(web):
    """A search takes turns, and between two of them a message may arrive."""
    for _ in range(3):
        web.keep(b"")
    line = web.line("GET", "/api/messages?search=subject:x&wait=10", work=False)
    web.clock.advance(0)
    web.keep(b"Subject: x\r\n\r\n")
    assert [each["id"] for each in line.answer.json["messages"]] == [4]


# ---- by itself


@pytest.fixture
def inbox(web):
    return web.site.inbox


def done(work):
    """The result of work, whose steps are done at once."""
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            return end.value
        assert step is None, "it waits"


def test_a_summary_is_made_once_and_ends_with_its_message(web, inbox):
    received = web.keep(b"Subject: x\r\n\r\n")
    first = inbox.summary_of(received)
    assert inbox.summary_of(received) is first
    web.backend.delete(1)
    assert inbox._summaries == {}
    assert inbox.summary_of(received) is not first
    assert inbox._summaries == {}  # a message that was deleted is not kept


def test_a_summary_counts_as_memory_of_its_message(web, inbox):
    received, held = web.keep(b"Subject: x\r\n\r\n"), []
    web.backend.hold = lambda number, octets: held.append((number, octets))
    summary = inbox.summary_of(received)
    assert held == [(1, summary.held)]


def test_a_search_finds_the_newest_first(web, inbox):
    for n in range(4):
        web.keep(b"Subject: %b\r\n\r\n" % (b"odd" if n % 2 else b"even"))
    assert done(inbox.search(SearchQuery(""))) == [4, 3, 2, 1]
    assert done(inbox.search(SearchQuery("odd"))) == [4, 2]


def test_a_search_goes_on_over_what_is_deleted_meanwhile(web, inbox):
    for _ in range(3):
        web.keep(b"")
    search = inbox.search(SearchQuery("you"))
    next(search)
    web.backend.delete(2)
    web.keep(b"")
    assert done(search) == [3, 1]


def test_a_search_has_an_end(web, inbox):
    for _ in range(3):
        web.keep(b"")
    search = inbox.search(SearchQuery("you"))
    next(search)
    web.clock.advance(SEARCH_SECONDS + 1)
    with pytest.raises(Busy):
        next(search)


def test_what_is_deleted_already_is_passed_over(web, inbox):
    for _ in range(3):
        web.keep(b"")
    done(inbox.delete([3, 9, 1, 3]))
    assert web.backend.numbers == [2]


@pytest.mark.parametrize("name", ["1", "01", "latest"])
def test_a_message_by_its_name(web, inbox, name):
    received = web.keep(b"")
    assert inbox.named(name) is received


@pytest.mark.parametrize("name", ["2", "0", "", "-1", "x", "1.0", "\u0661", "9" * 10_000, "Latest"])
def test_no_message_of_that_name(web, inbox, name):
    web.keep(b"")
    with pytest.raises(KeyError):
        inbox.named(name)


def test_a_source_in_pieces_does_not_keep_its_message(web, inbox):
    content = bytes(range(256)) * 200
    web.keep(content)
    source = inbox.source(1)
    assert b"".join(source) == content
    source = inbox.source(1)
    assert len(next(source)) == PIECE
    web.backend.delete(1)
    with pytest.raises(MessageDeleted):
        next(source)


def test_what_was_read(web, inbox):
    one, other = web.keep(b""), web.keep(b"")
    assert (inbox.unread, inbox.is_read(1)) == (2, False)
    inbox.mark_read(one)
    inbox.mark_read(one)
    assert (inbox.unread, inbox.is_read(1), inbox.summary_json(one)["read"]) == (1, True, True)
    web.backend.delete(1)
    inbox.mark_read(one)  # which is gone
    assert (inbox.unread, inbox.is_read(1)) == (1, False)
    assert inbox.summary_json(other)["read"] is False


def test_subscribers_hear_of_a_change_when_the_inbox_is_up_to_date(web, inbox):
    heard = []

    def subscriber(change, received):
        heard.append((change, received.id, received.id in inbox._summaries))
        inbox.subscribers.remove(subscriber)

    inbox.summary_of(web.keep(b""))
    inbox.subscribers += [subscriber, lambda change, received: heard.append("other")]
    web.backend.delete(1)
    assert heard == [("deleted", 1, False), "other"]
    inbox.subscribers.pop()
