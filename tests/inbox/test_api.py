"""The API, as docs/inbox.md describes it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.content.hostile import mixed
from tests.inbox.site import Line
from txsmtpx.inbox.message_summary import MessageSummary


def test_a_list(web):
    web.keep(b"Subject: one\r\nFrom: Ann <ann@example.org>\r\nTo: you@example.net\r\n\r\nfirst words\r\n")
    web.keep(b"Subject: two\r\n\r\n", "a@example.net", "b@example.net", sender="")
    listed = web.json("/api/messages")
    assert (listed["total"], listed["start"]) == (2, 0)
    assert [each["subject"] for each in listed["messages"]] == ["two", "one"]
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
        "read": False,
    }
    assert web.get("/api/").json == web.get("/api").json == {"messages": "/api/messages", "events": "/api/events"}
    assert web.get("/api/messages/").json == listed


def test_a_list_of_long_ones_is_short(web):
    """However long the fields of a message are, and the message is; a search sees more of it than the list shows."""
    long = b"x" * 60_000
    web.keep(b"Subject: " + long[:30_000] + b"needle\r\nFrom: " + long + b"\r\nCc: " + long + b"\r\n\r\n" + long)
    (shown,) = web.json("/api/messages?search=needle")["messages"]
    assert [len(shown[name]) for name in ("subject", "from", "cc", "beginning")] == [1000, 1000, 1000, 0]
    assert web.json("/api/messages/1")["attachments"] == 0
    web.keep(mixed(b"\r\n" + long, b"\r\n" + long, b"\r\n" + long, b"Content-Type: x/y\r\n\r\n"))
    assert web.json("/api/messages")["messages"][0]["attachments"] == 0
    assert web.json("/api/messages/2")["attachments"] == 1


def test_part_of_a_list(web):
    for n in range(5):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    listed = web.json("/api/messages?start=1&limit=2")
    assert (listed["total"], [each["subject"] for each in listed["messages"]]) == (5, ["3", "2"])


NO_NUMBERS = ["limit=", "start=", "wait=",
              "limit=x", "limit=-1", "limit=1001", "start=1.5", "wait=301", "wait=%D9%A3", "limit=" + "1" * 99]


@pytest.mark.parametrize("query", NO_NUMBERS)
def test_a_number_that_is_none(web, query):
    said = web.get(f"/api/messages?{query}")
    assert said.status == 400
    assert said.json["error"].startswith(query.partition("=")[0])


SEARCHES = {
    "": [1, 2],
    "invoice": [1],
    "INVOICE": [1],
    "müller": [1],
    "from:ann": [1],
    "from:you": [],
    "to:you": [1, 2],
    "to:boss": [1],
    "subject:invoice": [1],
    "subject:pay": [],
    "SUBJECT:order": [2],
    "\u017fubject:order": [],
    "from:ann subject:invoice pay": [1],
    "from:ann subject:order": [],
    '"please pay"': [1],
    '"pay please"': [],
    "subject:\"invoice 7\"": [1],
    "bill.pdf": [1],
    "order": [2],
    "hidden": [],
    "word": [1, 2],
    "0123456789ab": [1, 2],
    '"': [1, 2],
    "from:": [],
    "a" * 1000: [],
    "a " * 20: [1, 2],
}


@pytest.mark.parametrize(("search", "found"), SEARCHES.items())
def test_search(web, search, found):
    head = "Subject: Invoice 7\r\nFrom: Ann Müller <ann@example.org>\r\nCc: boss@example.org\r\n"
    bill = b"Content-Disposition: attachment; filename=bill.pdf\r\n\r\nhidden"
    web.keep(head.encode() + mixed(b"\r\nPlease pay, in a word", bill).replace(b"Subject: mixed\r\n", b""))
    web.keep(b"Subject: Order\r\nContent-Type: text/html\r\n\r\n<p>another <b>w</b>ord<script>hidden</script>")
    listed = web.json(f"/api/messages?search={quote(search)}")
    assert sorted(each["id"] for each in listed["messages"]) == found


def test_one_message(web):
    image = b"Content-Type: image/png\r\nContent-ID: <a>\r\n\r\nx"
    web.keep(mixed(b"\r\nHey", b"Content-Type: text/html\r\n\r\n<p>Hey", image))
    one = web.json("/api/messages/1")
    assert (one["id"], one["username"], one["peer_host"], one["helo"], one["protocol"]) == (
        1, None, "192.0.2.1", "client.example", "ESMTP"
    )  # fmt: skip
    assert one["headers"] == [["Subject", "mixed"], ["Content-Type", "multipart/mixed; boundary=b"]]
    assert (one["text"], one["html"]) == ("Hey", "<p>Hey")
    assert one["parts"][2] == {
        "number": 3,
        "content_type": "image/png",
        "disposition": "",
        "filename": "",
        "content_id": "a",
        "size": 1,
        "url": "/api/messages/1/parts/3",
    }
    assert not web.json("/api/messages")["messages"][0]["read"]  # a program is nobody


def test_the_latest(web):
    assert web.get("/api/messages/latest").status == 404
    web.keep(b"Subject: one\r\n\r\n")
    web.keep(b"Subject: two\r\n\r\n")
    assert web.json("/api/messages/latest")["subject"] == "two"


def test_the_source_to_the_octet(web):
    content = bytes(range(256)) + b"\r\n"
    web.keep(content)
    said = web.get("/api/messages/1/source")
    assert said.body == content
    assert said.headers["Content-Type"] == "message/rfc822"
    assert said.headers["Content-Disposition"].startswith('attachment; filename="0123456789AB.eml"')


@pytest.mark.parametrize(
    ("header", "shown", "disposition"),
    [
        (b"Content-Type: text/html", "application/octet-stream", "attachment; filename=\"part-1.html\"; "
         "filename*=UTF-8''part-1.html"),
        (b"Content-Type: image/svg+xml; name=a.svg", "application/octet-stream", "attachment; filename=\"a.svg\"; "
         "filename*=UTF-8''a.svg"),
        (b"Content-Type: image/png; name=a.png", "image/png", "attachment; filename=\"a.png\"; filename*=UTF-8''a.png"),
        (b"Content-Type: IMAGE/JPEG; name=\"../x\\\"; y=\\\"z\"", "image/jpeg", "attachment; filename=\"x_; y=_z\"; "
         "filename*=UTF-8''x%22%3B%20y%3D%22z"),
        (b"Content-Type: x/y; name=\"=?utf-8?q?=C3=BC=0D=0AX:_y?=\"", "application/octet-stream",
         "attachment; filename=\"_ X: y\"; filename*=UTF-8''%C3%BC%20X%3A%20y"),
    ],
)  # fmt: skip
def test_a_part_is_a_download(web, header, shown, disposition):
    """Nothing of it is shown as a page, whatever it says it is; an image is one, for the pages of the inbox."""
    web.keep(header + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n")
    said = web.get("/api/messages/1/parts/1")
    assert said.body == b"\0\1\2"
    assert said.headers["Content-Type"] == shown
    assert said.headers["Content-Disposition"] == disposition
    assert "sandbox" in said.headers["Content-Security-Policy"]
    assert "X" not in said.headers


NOT_THERE = ["2", "0", "-1", "x", "1/x", "1/parts", "1/parts/", "1/parts/2", "1/parts/x", "1/parts/1/x", "1/source/x",
             "01x", "%D9%A1", "9" * 30]  # fmt: skip


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there(web, path):
    web.keep(b"")
    said = web.get(f"/api/messages/{path}")
    assert said.status == 404
    assert said.json["error"]


def test_delete(web):
    for _ in range(3):
        web.keep(b"")
    said = web.ask("DELETE", "/api/messages/2")
    assert (said.status, said.body, said.headers["Content-Length"]) == (204, b"", None)
    assert [each.id for each in web.backend.messages] == [1, 3]
    assert web.ask("DELETE", "/api/messages/2").status == 404
    assert web.ask("DELETE", "/api/messages").status == 204
    assert web.backend.messages == []


def test_delete_what_is_found(web):
    for n in range(4):
        web.keep(b"Subject: %d %b\r\n\r\n" % (n, b"odd" if n % 2 else b"even"))
    assert web.ask("DELETE", "/api/messages?search=subject:odd").status == 204
    assert [each.id for each in web.backend.messages] == [1, 3]
    assert web.ask("DELETE", "/api/messages?search=nothing").status == 204
    assert len(web.backend.messages) == 2


@pytest.mark.parametrize("search", ["", "+", "%22%22", "from:%22%22+to:%22", "%E3%80%80"])
def test_a_search_without_a_word_deletes_nothing(web, search):
    """As of a script whose variable is empty."""
    web.keep(b"")
    said = web.ask("DELETE", f"/api/messages?search={search}")
    assert said.status == 400
    assert "search" in said.json["error"]
    assert web.get(f"/api/messages?search={search}").json["total"] == 1


@pytest.mark.parametrize("headers", [{"Content-Length": "2"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("path", ["/api/messages", "/api/messages/1"])
def test_a_body_deletes_nothing(web, headers, path):
    """It may say what is to be deleted, as elsewhere."""
    web.keep(b"")
    body = b"{}" if "Content-Length" in headers else b"2\r\n{}\r\n0\r\n\r\n"
    assert Line(web.site, "DELETE", path, headers, body).answer.status == 400
    assert len(web.backend.messages) == 1
    assert Line(web.site, "DELETE", path, {"Content-Length": "0"}).answer.status == 204


def test_a_deletion_goes_on_when_the_client_disconnects(web):
    for _ in range(100):
        web.keep(b"")
    line = web.line("DELETE", "/api/messages?search=you", work=False)
    web.clock.advance(0)
    line.protocol.connectionLost(Failure(ConnectionDone()))
    web.clock.work()
    assert web.backend.messages == []


def test_wait_for_a_message(web):
    line = web.line("GET", "/api/messages?search=to:you&wait=10")
    web.keep(b"", "another@example.net")
    web.clock.advance(9.9)
    assert line.answer is None
    web.keep(b"", "you@example.net")
    assert [each["id"] for each in line.answer.json["messages"]] == [2]
    assert web.json("/api/messages?search=to:you&wait=10")["total"] == 1


def test_wait_for_nothing(web):
    line = web.line("GET", "/api/messages?wait=10")
    web.clock.advance(9.9)
    assert line.answer is None
    web.clock.advance(0.1)
    assert line.answer.json["messages"] == []


def test_wait_and_go_away(web):
    line = web.line("GET", "/api/messages?wait=10")
    assert [call.time for call in web.clock.getDelayedCalls() if call.time == 10] == [10]
    line.protocol.connectionLost(Failure(ConnectionDone()))
    assert [call.time for call in web.clock.getDelayedCalls() if call.time == 10] == []
    web.keep(b"")
    web.clock.work()
    assert line.transport.value() == b""


def test_a_request_that_waits_looks_only_at_new_messages(web, monkeypatch):
    """Each message once, however many there are, and not at those that are gone before it comes to them."""
    looked = []
    matches = MessageSummary.matches
    monkeypatch.setattr(MessageSummary, "matches", lambda each, *args: looked.append(each.id) or matches(each, *args))
    for _ in range(50):
        web.keep(b"")
    lines = [web.line("GET", f"/api/messages?search=subject:{n}&wait=10") for n in range(3)]
    assert sorted(looked) == sorted([*range(1, 51)] * 3)
    looked.clear()
    web.keep(b"Subject: 1\r\n\r\n")
    web.clock.work()
    assert looked == [51] * 3
    web.keep(b"Subject: 2\r\n\r\n")
    web.backend.delete(52)
    web.keep(b"Subject: 0\r\n\r\n")
    web.clock.work()
    assert looked == [51] * 3 + [53] * 2
    assert [line.answer and line.answer.json["messages"][0]["id"] for line in lines] == [53, 51, None]
    web.clock.advance(10)
    assert lines[2].answer.json["total"] == 0


def test_what_arrives_during_the_search_is_not_missed(web):
    """A search takes turns, and between two of them a message may arrive."""
    for _ in range(3):
        web.keep(b"")
    line = web.line("GET", "/api/messages?search=subject:x&wait=10", work=False)
    web.clock.advance(0)
    web.keep(b"Subject: x\r\n\r\n")
    assert [each["id"] for each in line.answer.json["messages"]] == [4]


def test_the_number_of_requests_that_wait_is_limited(web, monkeypatch):
    messages = web.site.resource._inner.children[b"api"].children[b"messages"]
    monkeypatch.setattr(messages, "_most_waiting", 2)
    lines = [web.line("GET", "/api/messages?wait=10") for _ in range(2)]
    said = web.get("/api/messages?wait=10")
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert said.json["error"]
    lines[0].protocol.connectionLost(Failure(ConnectionDone()))
    lines.append(web.line("GET", "/api/messages?wait=10"))
    web.keep(b"")
    assert lines[1].answer.json["total"] == lines[2].answer.json["total"] == 1


WRONG = [
    "serach=x", "search", "search=x&search=y", "search=x&search=x", "search=%FF", "Search=x", "x=", "&x=&",
    "%73earch=x&search=y", "search=" + "a" * 1001, "search=" + "a+" * 21,
]  # fmt: skip
PLACES = [
    ("GET", "/api/messages"), ("DELETE", "/api/messages"), ("GET", "/api"), ("GET", "/api/messages/1"),
    ("DELETE", "/api/messages/1"), ("GET", "/api/messages/1/source"), ("GET", "/api/messages/1/parts/1"),
    ("GET", "/api/events"), ("GET", "/"), ("POST", "/"), ("GET", "/messages"), ("GET", "/messages/1"),
    ("GET", "/messages/1/text"), ("POST", "/messages/1"), ("GET", "/messages/1/frame"), ("GET", "/static/inbox.js"),
    ("HEAD", "/api/messages"),
]  # fmt: skip


@pytest.mark.parametrize("query", WRONG)
@pytest.mark.parametrize(("method", "path"), PLACES)
def test_a_wrong_parameter_is_refused(web, method, path, query):
    """Everywhere, and nothing happens."""
    web.keep(b"Subject: x\r\n\r\n")
    said = web.ask(method, f"{path}?{query}")
    assert said.status == 400
    if path.startswith("/api") and method != "HEAD":
        assert said.json["error"]
    assert len(web.backend.messages) == 1


@pytest.mark.parametrize("query", ["delete=all&delete=all", "delete=", "delete", "delete=all&search=x", "delete=ALL"])
def test_a_wrong_deletion_is_refused(web, query):
    web.keep(b"")
    assert web.ask("POST", f"/?{query}").status == 400
    assert len(web.backend.messages) == 1
