"""The messages of the inbox: which are found, which were read, and what becomes of them."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.inbox.site import Web


def test_what_is_opened_is_read(web):
    for n in range(3):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    page = web.get("/messages/2").text
    assert page.count('class="unread"') == 2
    assert "<title>(2) 1 · Inbox</title>" in page
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
    assert web.store.unread == 0
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


@pytest.mark.parametrize("name", ["1", "01", "latest"])
def test_a_message_by_its_name(web, name):
    web.keep(b"Subject: x\r\n\r\n")
    assert web.json(f"/api/messages/{name}")["subject"] == "x"


@pytest.mark.parametrize("name", ["2", "0", "-1", "x", "1.0", "%D9%A1", "9" * 10_000, "9" * 15, "Latest"])
def test_no_message_of_that_name(web, name):
    web.keep(b"")
    for path in ("/api/messages", "/messages"):
        assert web.get(f"{path}/{name}").status == 404


def test_subscribers_hear_of_a_change_when_the_inbox_is_up_to_date(web):
    heard, inbox = [], web.site.inbox

    def subscriber(change):
        heard.append((change.kind, change.numbers, inbox.parser._opened))
        inbox.subscribers.remove(subscriber)

    web.keep(b"")
    web.json("/api/messages/1")
    assert inbox.parser._opened[0] == 1
    inbox.subscribers += [subscriber, lambda change: heard.append("other")]
    web.backend.delete(1)
    assert heard == [("deleted", [1], None), "other"]
    inbox.subscribers.pop()


def test_deletions_are_final_when_the_inbox_stops(web):
    web.keep(b"x" * 1000)
    web.ask("DELETE", "/api/messages")
    web.site.stopFactory()
    assert web.backend._withdrawn == {}
    web.site.startFactory()


def test_each_minute_old_messages_go(tmp_path):
    web = Web(file=tmp_path / "mail.db", max_age=100)
    web.keep(b"")
    web.clock.advance(60)
    web.keep(b"")
    web.clock.advance(60)
    assert [each["id"] for each in web.json("/api/messages")["messages"]] == [2]
    web.stop()
