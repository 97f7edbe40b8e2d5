"""Several mailboxes, each with its list, its API and its limits, in memory and in a file."""

from __future__ import annotations

import json

import pytest

from tests.inbox.site import Web
from txsmtpx.inbox.inbox import EXPIRE
from txsmtpx.inbox.store_limits import MailboxLimits, StoreLimits

ANN, BOB = "recipient:ann@example.org", "recipient:bob@example.org"


def filled(web: Web) -> Web:
    web.keep(b"Subject: one\r\n\r\n", "ann+signup@example.org")
    web.keep(b"Subject: two\r\n\r\n", "Ann@example.org", "bob@example.org")
    web.keep(b"Subject: three\r\n\r\n", "bob@example.org", username="shop")
    return web


def subjects(web: Web, query: str) -> list[str]:
    return [each["subject"] for each in web.json(f"/api/messages?{query}")["messages"]]


def counts(web: Web) -> dict[str, tuple[int, int]]:
    listed = web.json("/api/mailboxes")["mailboxes"]
    return {each["name"]: (each["messages"], each["unread"]) for each in listed}


def test_the_list(both):
    assert both.json("/api/mailboxes") == {"total": 0, "start": 0, "mailboxes": []}
    filled(both)
    assert both.json("/api/mailboxes") == {
        "total": 4,
        "start": 0,
        "mailboxes": [
            {"name": "login:shop", "messages": 1, "unread": 1, "octets": 18},
            {"name": ANN, "messages": 2, "unread": 2, "octets": 32},
            {"name": BOB, "messages": 2, "unread": 2, "octets": 34},
            {"name": "tag:signup", "messages": 1, "unread": 1, "octets": 16},
        ],
    }
    part = both.json("/api/mailboxes?start=1&limit=2")
    assert (part["total"], [each["name"] for each in part["mailboxes"]]) == (4, [ANN, BOB])
    one = {"name": ANN, "messages": 2, "unread": 2, "octets": 32}
    assert both.json("/api/mailboxes/recipient:ANN%2Bother@example.org") == one
    assert both.json("/api/mailboxes/login:nobody") == {"name": "login:nobody", "messages": 0, "unread": 0, "octets": 0}
    assert both.get("/api/mailboxes/ann").status == 404
    assert both.json("/api/messages/1")["mailboxes"] == [ANN, "tag:signup"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"mailbox={ANN}", ["two", "one"]),
        ("mailbox=login:shop", ["three"]),
        ("mailbox=tag:SIGNUP", ["one"]),
        ("mailbox=tag:other", []),
        (f"mailbox={BOB}&search=subject:two", ["two"]),
        (f"mailbox={ANN}&search=-subject:two", ["one"]),
        ("mailbox=", ["three", "two", "one"]),
    ],
)
def test_a_search(both, query, found):
    assert subjects(filled(both), query) == found


def test_a_name_that_is_none(both):
    filled(both)
    for method in ("GET", "DELETE"):
        answer = both.ask(method, "/api/messages?mailbox=ann")
        assert answer.status == 400
        assert answer.json["error"].startswith("mailbox: 'ann' is no mailbox, such as ")
    answer = both.ask("DELETE", "/api/messages?mailbox=")
    assert answer.json == {"error": "mailbox: this parameter needs a name; to select all messages, leave it out"}
    answer = both.ask("DELETE", f"/api/messages?ids=1&mailbox={ANN}")
    assert answer.json == {"error": "ids: this parameter and mailbox exclude each other"}
    assert len(subjects(both, "")) == 3


def test_waiting_for_a_message_of_one(both):
    line = both.line("GET", f"/api/messages?mailbox={ANN}&wait=10")
    both.keep(b"Subject: one\r\n\r\n", "bob@example.org")
    assert line.answer is None
    both.keep(b"Subject: two\r\n\r\n", "ann@example.org")
    assert [each["subject"] for each in line.answer.json["messages"]] == ["two"]


def test_deleting_and_undoing(both):
    filled(both)
    deletion = both.ask("DELETE", f"/api/messages?mailbox={ANN}").headers["Deletion"]
    assert subjects(both, "") == ["three"]
    assert counts(both) == {"login:shop": (1, 1), BOB: (1, 1)}
    both.ask("POST", f"/api/deletions/{deletion}/undo")
    assert subjects(both, f"mailbox={ANN}") == ["two", "one"]
    assert counts(both) == {"login:shop": (1, 1), ANN: (2, 2), BOB: (2, 2), "tag:signup": (1, 1)}
    both.ask("DELETE", "/api/messages/1")
    both.clock.advance(EXPIRE)
    both.clock.work()
    assert counts(both) == {"login:shop": (1, 1), ANN: (1, 1), BOB: (2, 2)}
    both.ask("DELETE", "/api/messages")
    both.clock.advance(EXPIRE)
    both.clock.work()
    assert counts(both) == {}


def test_marks(both):
    filled(both)
    assert both.ask("POST", f"/api/messages/read?mailbox={ANN}").status == 204
    assert counts(both) == {"login:shop": (1, 1), ANN: (2, 0), BOB: (2, 1), "tag:signup": (1, 0)}
    both.ask("POST", "/api/messages/unread?ids=2")
    assert counts(both)[ANN] == (2, 1)


def test_events(both):
    line = both.line("GET", f"/api/events?mailbox={ANN}")
    filled(both)
    both.ask("DELETE", "/api/messages/3")
    events = line.transport.value().split(b"\r\n\r\n", 1)[1].decode()
    arrived = [json.loads(each[6:]) for each in events.splitlines() if each.startswith('data: {"id"')]
    assert [(each["id"], "subject" in each) for each in arrived] == [(1, True), (2, True), (3, False)]
    assert both.get("/api/events?mailbox=ann").status == 400


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"recipient": StoreLimits(messages=2)}, ["6", "5", "4", "3"]),
        ({"recipient:ann@example.org": StoreLimits(messages=1)}, ["6", "5", "4", "2"]),
        ({"recipient:ann@example.org": StoreLimits(), "recipient": StoreLimits(messages=1)}, ["6", "5", "3", "1"]),
        ({"recipient": StoreLimits(octets=31)}, ["6", "5", "4", "3"]),
        ({"recipient": StoreLimits(octets=1)}, ["6", "5"]),
        ({"login": StoreLimits(messages=1)}, ["6", "5", "4", "3", "2", "1"]),
    ],
)
def test_limits(both, limits, left):
    both.store.mailboxes.limit(MailboxLimits(limits))
    for n in range(1, 7):
        both.keep(b"Subject: %d\r\n\r\n" % n, f"{'ann' if n % 2 else 'bob'}@example.org")
    assert subjects(both, "") == left
    assert both.store.total == len(left)
    assert sum(messages for messages, _ in counts(both).values()) == len(left)


def test_a_message_of_two_is_deleted_once(both):
    both.store.mailboxes.limit(MailboxLimits({"recipient": StoreLimits(messages=1)}))
    both.keep(b"Subject: old\r\n\r\n", "ann@example.org", "bob@example.org")
    both.keep(b"Subject: new\r\n\r\n", "ann@example.org", "bob@example.org")
    assert subjects(both, "") == ["new"]
    assert both.store.total == both.store.unread == 1


def test_a_limit_of_age(tmp_path):
    for file in (None, tmp_path / "mail.db"):
        web = Web(file=file)
        try:
            if file is None:
                web.backend.now = web._now
            web.store.mailboxes.limit(MailboxLimits({"tag": StoreLimits(age=EXPIRE * 2)}))
            web.keep(b"Subject: old\r\n\r\n", "ann+a@example.org")
            web.keep(b"Subject: stays\r\n\r\n", "ann@example.org")
            web.clock.pump([EXPIRE] * 2)
            web.keep(b"Subject: new\r\n\r\n", "ann+a@example.org")
            assert subjects(web, "") == ["new", "stays", "old"]
            web.clock.pump([EXPIRE] * 2)
            assert subjects(web, "") == ["new", "stays"]
        finally:
            web.stop()


def test_messages_that_were_there_before(web):
    """The backend in memory may have some when the inbox starts."""
    web.site.stopFactory()
    filled(web)
    web.site.startFactory()
    assert counts(web)[ANN] == (2, 2)


def test_the_page(both):
    assert 'id="mailbox"' not in both.get("/").text
    filled(both)
    page = both.get(f"/?mailbox={ANN}").text
    assert f'<option value="{ANN}" selected>ann@example.org (2)</option>' in page
    assert '<option value="login:shop">shop (1)</option>' in page
    assert '<option value="">All mail (3)</option>' in page
    assert "<span>2 messages</span>" in page
    assert 'href="./messages/2?mailbox=recipient%3Aann%40example.org"' in page
    assert '<input type="hidden" name="mailbox" value="recipient:ann@example.org">' in page
    found = both.get(f"/?mailbox={ANN}&search=one").text
    assert "<span>1 of 2 messages</span>" in found
    assert '<option value="tag:other" selected>other (0)</option>' in both.get("/?mailbox=tag:other").text
    assert "is no mailbox" in both.get("/?mailbox=ann").text


def test_deleting_in_the_page_without_a_script(both):
    filled(both)
    answer = both.ask("POST", f"/?mailbox={ANN}&delete=all")
    assert answer.headers["Location"] == "./?mailbox=recipient%3Aann%40example.org&undo=1"
    assert subjects(both, "") == ["three"]
    assert both.ask("POST", f"/?mailbox={BOB}&delete=found").status == 400


def test_hostile_names_are_escaped(both):
    both.keep(b"", '"<b>+\'><i>"@example.org', username='"><script>')
    page = both.get("/").text
    assert "<b>" not in page
    assert "<i>" not in page
    assert page.count("<script") == page.count('<script src="')
