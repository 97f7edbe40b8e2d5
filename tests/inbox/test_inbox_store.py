"""What pages and API do with messages: the same in memory and in a file."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from tests.content.hostile import mixed
from tests.inbox.site import Score, Web

HEAD = (
    "Subject: Invoice 7\r\nFrom: Ann Müller <ann@example.org>\r\nCc: boss@example.org\r\n"
    "Message-ID: <a1.b@x.example>\r\n"
)

SEARCHES = {
    "": [1, 2, 3],
    "invoice": [1],
    "INV": [1],
    "voice": [],
    "müller": [1],
    "mu\u0308ller": [1],
    "from:ann": [1],
    "from:sender@client": [1, 2, 3],
    "from:you": [],
    "to:you": [1, 2],
    "to:boss": [1],
    "cc:boss": [1],
    "cc:you": [],
    "bcc:you": [1, 2],
    "reply-to:nobody": [],
    "addressed:ann": [1, 3],
    "addressed:boss": [1],
    "addressed:sender@client": [1, 2, 3],
    "-addressed:you": [3],
    "addressed:invoice": [],
    "to:ann+signup@example.net": [3],
    "message-id:a1.b@x.example": [1],
    "message-id:a1.c": [],
    "subject:invoice -pay": [],
    "subject:invoice -subject:pay": [1],
    '"please pay"': [1],
    '"pay please"': [],
    '-"please pay"': [2, 3],
    "-please -order": [3],
    'subject:"invoice 7"': [1],
    '"example.org sender"': [],
    "bill.pdf": [1],
    "hidden": [],
    "0123456789ab": [1, 2, 3],
    "has:attachment": [1],
    "-has:attachment": [2, 3],
    "has:attachment invoice": [1],
    "is:unread": [1, 3],
    "is:read": [2],
    "-is:read order": [],
    "is:tagged": [2, 3],
    "-is:tagged": [1],
    "tag:signup": [3],
    "tag:sign": [],
    'tag:"New User"': [2],
    "-tag:signup to:you": [1, 2],
    "before:2025-06-15": [],
    "before:2025-06-16": [1, 2, 3],
    "after:2025-06-15": [1, 2, 3],
    "after:2025-06-16": [],
    "-after:2025-06-15T15:06:40": [],
    "larger:300": [1],
    "smaller:300": [2, 3],
    "日本語": [3],
    "本語": [3],
    "語本": [],
    "🎉": [3],
    "before:2025-06-16 larger:10 is:unread from:ann invoice -order": [1],
}


def fill(web):
    bill = b"Content-Disposition: attachment; filename=bill.pdf\r\n\r\nhidden" + b"x" * 200
    web.keep(HEAD.encode() + mixed(b"\r\nPlease pay, in a word", bill).replace(b"Subject: mixed\r\n", b""))
    web.keep(b"Subject: Order\r\nX-Tags: new user, Shop\r\nContent-Type: text/html\r\n\r\n<p>another <b>w</b>ord")
    web.keep("Subject: 🎉 日本語\r\n\r\nx".encode(), "Ann+Signup@example.net")
    assert web.get("/messages/2").status == 200  # which marks it as read


def found(web, search):
    return sorted(each["id"] for each in web.json(f"/api/messages?search={quote(search)}")["messages"])


def test_each_search(both):
    fill(both)
    assert {search: found(both, search) for search in SEARCHES} == SEARCHES


def test_searches_while_a_deletion_can_be_undone(both):
    """Its messages are not found, and are found again when it is undone."""
    fill(both)
    both.keep(b"Subject: another invoice\r\n\r\nhas:attachment is not in it, please order")
    said = both.ask("DELETE", "/api/messages/latest")
    assert {search: found(both, search) for search in SEARCHES} == SEARCHES
    assert both.ask("POST", f"/api/deletions/{said.headers['Deletion']}/undo").status == 204
    assert found(both, "another invoice") == [4]


def test_a_list_and_a_message(both):
    both.keep(b"Subject: one\r\nFrom: Ann <ann@example.org>\r\nTo: you@example.net\r\n\r\nfirst words\r\n")
    both.keep(
        mixed(b"\r\nHey", b"Content-Type: image/png\r\n\r\nx"), "a@x", "b+c@x", sender="", results=[Score("v", 1)]
    )
    listed = both.json("/api/messages")
    assert [(each["id"], each["subject"], each["tags"]) for each in listed["messages"]] == [
        (2, "mixed", ["c"]), (1, "one", [])
    ]  # fmt: skip
    assert listed["messages"][1] == {
        "id": 1,
        "queue_id": "0123456789AB",
        "arrived": "2025-06-15T15:06:40.250+00:00",
        "sender": "sender@client.example",
        "recipients": ["you@example.net"],
        "from": "Ann <ann@example.org>",
        "to": "you@example.net",
        "cc": "",
        "subject": "one",
        "beginning": "first words",
        "size": 79,
        "attachments": 0,
        "tags": [],
        "mailboxes": ["recipient:you@example.net"],
        "read": False,
    }
    one = both.json("/api/messages/latest")
    assert (one["recipients"], one["sender"], one["helo"], one["facts"]) == (
        ["a@x", "b+c@x"], "", "client.example", {"virus": "v", "score": 1}
    )  # fmt: skip
    assert both.get("/api/messages/2/parts/2").body == b"x"
    assert both.json("/api/messages?start=1&limit=1")["messages"][0]["id"] == 1


@pytest.mark.parametrize("size", [0, 16 * 1024, 300_000])
def test_a_source_to_the_octet(both, size):
    content = bytes(range(256)) * (size // 256)
    both.keep(content)
    assert both.get("/api/messages/1/source").body == content


NOT_THERE = ["/api/messages/2", "/api/messages/2/source", "/messages/2", "/messages/2/text", "/messages/2/frame",
             "/api/messages/2/parts/1", "/messages/x", "/messages/latest2"]  # fmt: skip


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there(both, path):
    assert both.get("/messages/latest").status == both.get("/api/messages/latest").status == 404
    both.keep(b"")
    assert both.get(path).status == 404


def test_pages(both):
    fill(both)
    page = both.get("/?search=invoice").text
    assert "1 of 3 messages" in page
    assert "2 unread" in page
    assert "<title>(2) Inbox</title>" in page
    assert "Please pay" in both.get("/messages/1/text").text
    assert "<p>another" in both.get("/messages/2/frame").text
    assert "a1.b@x.example" in both.get("/messages/1/source").text
    assert both.get("/messages/1").text.count('class="unread"') == 1


def test_wait(both):
    both.keep(b"", "you@example.net")
    line = both.line("GET", "/api/messages?search=subject:code&wait=10")
    both.keep(b"Subject: other\r\n\r\n")
    both.clock.advance(9)
    assert line.answer is None
    both.keep(b"Subject: Your code\r\n\r\n")
    assert [each["id"] for each in line.answer.json["messages"]] == [3]
    line = both.line("GET", "/api/messages?search=subject:nothing&wait=10")
    both.clock.advance(10)
    assert line.answer.json == {"total": 0, "start": 0, "messages": []}


def events(line):
    text = line.transport.value().decode()
    line.transport.clear()
    return [(kind, json.loads(data)) for kind, data in re.findall(r"event: (\w+)\ndata: (.*)\n", text)]


def test_events(both):
    line = both.line("GET", "/api/events", Connection="keep-alive")
    both.keep(b"Subject: Hello\r\n\r\n")
    both.clock.work()
    ((kind, data),) = events(line)
    assert (kind, data["id"], data["subject"], data["read"]) == ("arrived", 1, "Hello", False)
    both.get("/messages/1")
    assert events(line) == [("changed", {})]
    said = both.ask("DELETE", "/api/messages/1")
    assert events(line) == [("deleted", {"id": 1})]
    both.ask("POST", f"/api/deletions/{said.headers['Deletion']}/undo")
    assert events(line) == [("changed", {})]


def test_delete_what_is_found(both):
    fill(both)
    said = both.ask("DELETE", "/api/messages?search=has:attachment")
    assert (said.status, found(both, "")) == (204, [2, 3])
    assert both.ask("DELETE", "/api/messages?search=nothing").headers["Deletion"] is None
    assert both.ask("DELETE", "/api/messages/1").status == 404
    assert both.get("/messages/1").status == both.get("/api/messages/1/source").status == 404
    both.ask("DELETE", "/api/messages")
    assert found(both, "") == []
    assert "No mail yet" in both.get("/").text
    both.keep(b"")
    assert found(both, "") == [4]  # the numbers continue


def test_the_end_of_a_deletion(both):
    """After some seconds nothing is left of its messages."""
    fill(both)
    said = both.ask("DELETE", "/api/messages/1")
    both.clock.advance(11)
    both.clock.work()
    assert both.ask("POST", f"/api/deletions/{said.headers['Deletion']}/undo").status == 404
    assert found(both, "") == [2, 3]
    assert both.get("/api/messages/1").status == 404


def test_the_limit_of_messages(tmp_path):
    for file in (None, tmp_path / "mail.db"):
        web = Web(file=file, max_messages=2)
        for n in range(4):
            web.keep(b"Subject: %d\r\n\r\n" % n)
        assert found(web, "") == [3, 4]
        assert "2 messages, 2 unread" in web.get("/").text
        web.stop()


def result(web, work):
    """The result of work of the store."""
    outcome = []

    def steps():
        outcome.append((yield from work))

    web.site.cooperator.cooperate(each for each in steps())
    web.clock.work()
    return outcome[0]


def test_tags_are_counted_and_replaced(both):
    fill(both)
    store = both.store
    assert result(both, store.tags.counted()) == {"new user": 1, "shop": 1, "signup": 1}
    result(both, store.tags.replace({1: ["shop", "\ud800"], 2: [], 9: ["x"]}))
    counted = result(both, store.tags.counted())
    assert (counted.pop("shop"), counted.pop("signup"), list(counted.values())) == (1, 1, [1])
    assert (found(both, "tag:shop"), found(both, "is:tagged"), found(both, '"new user"')) == ([1], [1, 3], [])
    assert [each["tags"][:1] for each in both.json("/api/messages")["messages"]] == [["signup"], [], ["shop"]]
    deletion = both.ask("DELETE", "/api/messages/1").headers["Deletion"]
    assert result(both, store.tags.counted()) == {"signup": 1}
    both.ask("POST", f"/api/deletions/{deletion}/undo")
    assert result(both, store.tags.counted())["shop"] == 1


def test_a_change_of_tags_is_reported(both):
    changes = []
    both.keep(b"")
    both.site.inbox.subscribers.append(changes.append)
    result(both, both.store.tags.replace({1: ["a"], 2: ["b"]}))
    result(both, both.store.tags.replace({2: ["b"]}))
    assert [(each.kind, list(each.numbers)) for each in changes] == [("marked", [1])]


def test_the_octets_of_all_messages(both):
    assert both.json("/api/messages")["total"] == both.store.mailboxes.octets == 0
    changes = []
    both.site.inbox.subscribers.append(changes.append)
    both.keep(b"12345")
    both.keep(b"1234567890")
    assert both.store.mailboxes.octets == 15
    assert [each.octets for each in changes if each.kind == "arrived"] == [5, 10]
    both.ask("DELETE", "/api/messages/1")
    assert both.store.mailboxes.octets == 10
