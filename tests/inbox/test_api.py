"""The API, as docs/inbox.md describes it."""

from __future__ import annotations

import pytest

from tests.content.hostile import mixed
from tests.inbox.site import Score
from txsmtpx.filters.greylist import PassedGreylist


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
        "tags": [],
        "mailboxes": ["recipient:you@example.net"],
        "read": False,
    }
    assert web.get("/api/").json == web.get("/api").json == {
        "messages": "/api/messages",
        "mailboxes": "/api/mailboxes",
        "events": "/api/events",
        "openapi.json": "/api/openapi.json",
    }
    assert web.get("/api/messages/").json == listed


def test_part_of_a_list(web):
    for n in range(5):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    listed = web.json("/api/messages?start=1&limit=2")
    assert (listed["total"], [each["subject"] for each in listed["messages"]]) == (5, ["3", "2"])


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


def test_what_filters_have_found(web):
    web.keep(b"", results=[PassedGreylist(312.7), "no facts", Score("<b>", 4.5)])
    assert web.json("/api/messages/1")["facts"] == {"greylisted": 312, "virus": "<b>", "score": 4.5}
    web.keep(b"")
    assert web.json("/api/messages/2")["facts"] == {}


def test_what_filters_have_found_is_limited(web):
    web.keep(b"", results=[Score("x" * 5000, 4.5)])
    assert web.json("/api/messages/1")["facts"] == {"virus": f"{'x' * 990}...[+4010]", "score": 4.5}


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


@pytest.mark.parametrize("search", ["", "+", "%22%22", "-", "%E3%80%80"])
def test_a_search_without_a_word_deletes_nothing(web, search):
    """As of a script whose variable is empty."""
    web.keep(b"")
    said = web.ask("DELETE", f"/api/messages?search={search}")
    assert said.status == 400
    assert "search" in said.json["error"]
    assert web.get(f"/api/messages?search={search}").json["total"] == 1
