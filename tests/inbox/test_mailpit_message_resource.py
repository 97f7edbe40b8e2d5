"""One message for helpers of Mailpit."""

from __future__ import annotations

import hashlib

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox.message_parser import MAX_IN_SERVER

FILE = b"Content-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n1,2"
IMAGE = b"Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC"


@pytest.fixture
def opened(both):
    both.keep(mixed(b"\r\nHey", b"Content-Type: text/html\r\n\r\n<p>Hey", FILE, IMAGE), username="shop")
    both.keep(b"Subject: two\r\nFrom: ann@example.org\r\n\r\nsecond\r\n", "ann+signup@example.net")
    return both


def test_a_message(opened):
    assert not opened.json("/api/v1/messages")["messages"][1]["Read"]
    found = opened.json("/api/v1/message/1")
    assert (found["ID"], found["Subject"], found["Username"], found["ReturnPath"]) == (
        "1", "mixed", "shop", "sender@client.example"
    )  # fmt: skip
    assert (found["Text"], found["HTML"], found["Date"]) == ("Hey", "<p>Hey", "2025-06-15T15:06:40.250Z")
    ((attachment,), (image,)) = found["Attachments"], found["Inline"]
    assert {name: attachment[name] for name in ("PartID", "FileName", "ContentType", "ContentID", "Size")} == {
        "PartID": "3", "FileName": "a.csv", "ContentType": "text/csv", "ContentID": "", "Size": 3
    }  # fmt: skip
    assert attachment["Checksums"]["SHA256"] == hashlib.sha256(b"1,2").hexdigest()
    assert (image["PartID"], image["FileName"], image["ContentID"]) == ("4", "logo", "logo")
    assert image["Checksums"]["MD5"] == hashlib.md5(b"\0\1\2").hexdigest()
    assert [each["Read"] for each in opened.json("/api/v1/messages")["messages"]] == [False, True]


def test_a_long_message_is_parsed_elsewhere(both):
    both.keep(mixed(b"\r\n" + b"Hey " * MAX_IN_SERVER, FILE))
    line = both.line("GET", "/api/v1/message/1")
    both.clock.work()
    (attachment,) = line.answer.json["Attachments"]
    assert attachment["Checksums"]["SHA1"] == hashlib.sha1(b"1,2").hexdigest()
    assert [view for view, _, _ in both.clock.opened] == ["detail", "checksums"]


def test_the_latest(opened):
    assert opened.json("/api/v1/message/latest")["Subject"] == "two"
    assert opened.json("/api/v1/message/latest?query=subject:mixed")["Subject"] == "mixed"
    assert opened.json("/api/v1/message/latest?mailbox=login:shop")["Subject"] == "mixed"
    assert opened.json("/api/v1/message/latest/headers?query=subject:mixed")["Subject"] == ["mixed"]
    assert opened.get("/api/v1/message/latest/raw?query=subject:two").body.startswith(b"Subject: two")
    assert opened.json("/api/v1/message/1?query=subject:two")["Subject"] == "mixed"  # as in Mailpit
    assert opened.get("/api/v1/message/latest?query=subject:three").status == 404


def test_the_header(opened):
    assert opened.json("/api/v1/message/2/headers") == {"From": ["ann@example.org"], "Subject": ["two"]}
    assert not opened.json("/api/v1/messages")["messages"][0]["Read"]


def test_the_source(both):
    content = bytes(range(256)) * 200
    both.keep(content)
    answer = both.get("/api/v1/message/1/raw")
    assert answer.body == content
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] is None
    answer = both.get("/api/v1/message/1/raw?dl=1")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="1.eml"'


def test_a_part(opened):
    answer = opened.get("/api/v1/message/1/part/4")
    assert (answer.body, answer.headers["Content-Type"]) == (b"\0\1\2", "image/png")
    answer = opened.get("/api/v1/message/1/part/2")
    assert (answer.body, answer.headers["Content-Type"]) == (b"<p>Hey", "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("attachment")


ABSENT = ["9", "x", "0", "latest-1", "9/headers", "9/raw", "9/part/1", "1/part/5", "1/part/x", "1/x",
          "1/part/1/thumb"]  # fmt: skip


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_there(opened, path):
    answer = opened.get(f"/api/v1/message/{path}")
    assert (answer.status, list(answer.json)) == (404, ["error"])


def test_the_latest_of_an_empty_inbox(both):
    for path in ("", "/headers", "/raw"):
        assert both.get(f"/api/v1/message/latest{path}").status == 404


def test_a_page_of_another_site_marks_nothing(opened):
    assert opened.get("/api/v1/message/1", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    assert opened.json("/api/v1/messages")["unread"] == 2
