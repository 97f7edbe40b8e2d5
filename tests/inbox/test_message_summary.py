"""The summary of a message: its line in a list, and what a search looks at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.content.hostile import mixed
from tests.inbox.site import Web
from txsmtpx.content import encoded_word
from txsmtpx.inbox.message_summary import MAX_NAMED, MessageSummary
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.search_query import SearchQuery


def test_a_list_of_long_ones_is_short(web):
    """However long the fields of a message are, and the message is; a search sees more of it than the list shows."""
    long = b"x" * 60_000
    web.keep(b"Subject: " + long[:30_000] + b" needle\r\nFrom: " + long + b"\r\nCc: " + long + b"\r\n\r\n" + long)
    (shown,) = web.json("/api/messages?search=needle")["messages"]
    assert [len(shown[name]) for name in ("subject", "from", "cc", "beginning")] == [1000, 1000, 1000, 0]
    assert web.json("/api/messages/1")["attachments"] == 0
    web.keep(mixed(b"\r\n" + long, b"\r\n" + long, b"\r\n" + long, b"Content-Type: x/y\r\n\r\n"))
    assert web.json("/api/messages")["messages"][0]["attachments"] == 0
    assert web.json("/api/messages/2")["attachments"] == 1


NAMES = (b"From", b"To", b"Cc", b"Bcc", b"Reply-To", b"Subject")


def test_a_list_decodes_each_octet_once(monkeypatch):
    """A header of 256 KiB with encoded words took 112 milliseconds, since most fields were read twice."""
    decoded = []
    decode = encoded_word.decode
    monkeypatch.setattr(encoded_word, "decode", lambda text: decoded.append(len(text)) or decode(text))
    words = b"=?iso-2022-jp?b?GyRCLSE=?= " * 100
    content = b"".join(name + b": " + words + b"\r\n" for name in NAMES) * 100
    for length in (len(content) // 100, len(content)):
        decoded.clear()
        made = Web()
        MessageSummary(made.keep(content[:length] + b"\r\nx"))
        made.site.stopFactory()
        assert sum(decoded) <= min(length, 128 * 1024) + MAX_NAMED


def test_one_bad_message_does_not_spoil_the_list(web, monkeypatch, logged_failures):
    """Whatever is wrong with the code that reads it: a list shows what can be shown."""

    def fails(message):
        if b"bad" in message.received.content:
            raise RecursionError
        return message.header["subject"] or ""

    monkeypatch.setattr(ParsedMessage, "subject", property(fails))
    web.keep(b"Subject: good\r\n\r\n")
    web.keep(b"Subject: bad\r\n\r\n")
    assert "(no subject)" in web.get("/").text
    assert [each["subject"] for each in web.json("/api/messages")["messages"]] == ["", "good"]
    assert web.json("/api/messages?search=subject:good")["total"] == 1
    assert web.json("/api/messages?search=sender@client")["total"] == 2
    assert len(logged_failures.flush(RecursionError)) == 1


NESTED = ["(" * 5000, "<" * 5000, '"' * 5001, "a@b," * 5000]


@pytest.mark.parametrize("address", NESTED, ids=[each[0] for each in NESTED])
def test_an_address_of_brackets(web, address):
    web.keep(b"From: " + address.encode() + b"\r\n\r\nx", sender=address)
    assert web.get("/").status == web.get("/messages/1").status == 200
    assert web.json("/api/messages")["messages"][0]["from"] == address[:1000]


def summary(web, content, **envelope):
    received = web.keep(content, **envelope)
    return MessageSummary(received), received


def test_the_line_of_a_message(web):
    head = b"From: Ann <ann@example.org>\r\nTo: you@example.net\r\nCc: b@x\r\nCc: c@x\r\nSubject: one\r\n"
    made, received = summary(web, head + b"\r\nfirst\r\n  words\t here\r\n")
    assert (made.sender, made.sender_name, made.recipients) == ("Ann <ann@example.org>", "Ann", "you@example.net")
    assert (made.copies, made.subject, made.beginning, made.attachments) == ("b@x", "one", "first words here", 0)
    assert (made.id, made.size, made.arrived) == (1, len(received.content), "2025-06-15T15:06:40.250+00:00")
    assert made.listed(received, False).as_json()["from"] == "Ann <ann@example.org>"
    assert made.listed(received, False).as_json()["recipients"] == ["you@example.net"]


def test_without_fields_the_envelope_is_shown(web):
    made, _ = summary(web, b"\r\nx")
    assert (made.sender, made.sender_name) == ("sender@client.example", "sender@client.example")
    assert (made.recipients, made.copies, made.subject) == ("you@example.net", "", "")


@pytest.mark.parametrize(("search", "found"), [
    ("", True), ("ANN", True), ("from:ann", True), ("to:ann", False), ("from:sender@client", True), ("to:hidden", True),
    ("subject:one", True), ("one two", False), ("words one", True), ("0123456789ab", True),
    ("subject:0123456789", False),
    ("grüße", True), ("GRÜSSE", False), ("bcc@x", True), ("to:bcc@x", True),
])  # fmt: skip
def test_what_a_search_finds(web, search, found):
    content = "From: Ann\r\nBcc: bcc@x\r\nSubject: One\r\n\r\nGRÜßE words".encode()
    made, received = summary(web, content)
    received = replace(received, recipients=("hidden@example.net",))
    assert made.matches(SearchQuery(search), received, False) is found


def test_a_message_takes_a_bounded_memory(web):
    """However long it is; and what is held is counted."""
    small, _ = summary(web, b"\r\nx")
    large, _ = summary(web, b"Subject: " + b"x" * 10**6 + b"\r\n\r\n" + b"word " * 10**6)
    assert small.held < 4000
    assert 32 * 1024 < large.held < 4 * 1024 * 1024
    assert len(large.beginning) <= 160
