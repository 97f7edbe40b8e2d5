"""The header fields about unsubscribing and authentication, explained."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.header_notes import header_notes
from txsmtpx.inbox.message_detail import MessageDetail, parsed_content

SIGNED = (
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=key; bh=x; b=y;\r\n"
    " h=From:List-Unsubscribe:List-Unsubscribe-Post\r\n"
)
ONE_CLICK = "List-Unsubscribe: <https://example.org/u?1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def notes(header: str) -> list[tuple[str, str]]:
    found = header_notes(MessageDetail.of(parsed_content(header.encode() + b"\r\n")))
    return [(each.level, each.text) for each in found]


CASES = {
    "List-Unsubscribe: <mailto:u@example.org>\r\n": ("good", "unsubscribe by mailto:u@example.org"),
    "List-Unsubscribe: u@example.org\r\n": ("bad", "no URI in angle brackets"),
    "List-Unsubscribe: <http://example.org/u>\r\n": ("bad", "is not encrypted"),
    "List-Unsubscribe: <ftp://example.org/u>\r\n": ("bad", "a scheme that mail clients do not use"),
    "List-Unsubscribe: <https://example.org/u>\r\n": ("neutral", "Without this field, one click is not possible"),
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n": ("bad", "no effect without List-Unsubscribe"),
    ONE_CLICK: ("bad", "No signature covers both fields"),
    SIGNED + ONE_CLICK: ("good", "unsubscribe with one click"),
    ONE_CLICK.replace("One-Click", "Yes"): ("bad", 'is not "List-Unsubscribe=One-Click"'),
    ONE_CLICK.replace("https:", "mailto:"): ("bad", "needs an https URI"),
    "Authentication-Results: mx.example; spf=pass smtp.mailfrom=a@b\r\n": (
        "good",
        "mx.example checked this and found pass",
    ),
    "Authentication-Results: mx.example (x; y=z);\r\n dkim=fail (bad key)\r\n": ("bad", "found fail. DKIM"),
    "Authentication-Results: mx.example; dmarc=none\r\n": ("neutral", "found none. DMARC"),
    "Received-SPF: softfail (x)\r\n": ("bad", "The result of SPF is softfail"),
    "Received-SPF: \r\n": ("bad", "The result of SPF is missing"),
    SIGNED: ("neutral", "example.org has signed the message. Its key is in the DNS at key._domainkey.example.org"),
    SIGNED.replace("rsa-sha256", "rsa-sha1"): ("bad", "rsa-sha1 is obsolete"),
    SIGNED.replace("From:", ""): ("bad", "does not cover From"),
    "DKIM-Signature: v=1\r\n": ("bad", "has no tag a, b, bh, d, h, s"),
    "": ("neutral", "the message has no DKIM signature"),
}


@pytest.mark.parametrize(("header", "note"), CASES.items())
def test_notes(header, note):
    level, text = note
    assert [each for each, words in notes(header) if text in words] == [level]


def test_one_click_that_is_signed_is_whole():
    assert "bad" not in [level for level, _ in notes(SIGNED + ONE_CLICK)]


def test_a_limit_on_their_number():
    assert len(notes("Received-SPF: pass\r\n" * 500)) == 50


@pytest.mark.parametrize("piece", ["<", "(", ";", "=", "<a>", ";a=b"])
def test_hostile_values(piece):
    for name in ("List-Unsubscribe", "Authentication-Results", "DKIM-Signature"):
        assert notes(f"{name}: {piece * 10_000}\r\n")
