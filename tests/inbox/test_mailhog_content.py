"""The content of a message as MailHog's API describes it."""

from __future__ import annotations

import json

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox import mailhog_content as module
from txsmtpx.inbox.mailhog_content import content_of, mailhog_content
from txsmtpx.inbox.message_detail import parsed_content, rendered_view


def described(content: bytes):
    return json.loads(mailhog_content(parsed_content(content)))


def test_a_message_without_parts():
    content = b"Subject: =?utf-8?q?x?=\r\n\ty\r\nReceived: a\r\nReceived: b\r\n\r\nHey =3D\r\n"
    assert described(content) == {
        "Content": {
            "Headers": {"Subject": ["=?utf-8?q?x?=\ty"], "Received": ["a", "b"]},
            "Body": "Hey =3D\r\n",
            "Size": len(content),
            "MIME": None,
        },
        "MIME": None,
        "Raw": {"Data": content.decode()},
    }


def test_parts_are_in_order_and_not_decoded():
    attachment = b"Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC"
    found = described(mixed(b"\r\nHey", attachment))
    text, file = found["MIME"]["Parts"]
    assert text == {"Headers": {}, "Body": "Hey", "Size": 5, "MIME": None}
    assert file["Headers"] == {"Content-Type": ["text/csv"], "Content-Transfer-Encoding": ["base64"]}
    assert (file["Body"], file["Size"]) == ("AAEC", len(attachment))


def test_the_body_of_each_multipart_is_described_twice_at_most():
    deep = b"--x--"
    for number in range(20):
        deep = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n%b\r\n--%d--\r\n" % (
            number, number, deep, number
        )  # fmt: skip
    assert len(mailhog_content(parsed_content(deep))) < 12 * len(deep)
    (inner,) = described(deep)["MIME"]["Parts"]
    assert "boundary=17" in inner["Body"]
    assert inner["MIME"]["Parts"][0]["Body"] == ""


@pytest.mark.parametrize("limit", ["MAX_SOURCE", "MAX_JSON"])
def test_a_message_beyond_a_limit_has_its_header_only(monkeypatch, limit):
    content = mixed(b"\r\nHey", b"\r\nyou")
    monkeypatch.setattr(module, limit, 20)
    found = described(content)
    assert found["Content"]["Headers"]["Subject"] == ["mixed"]
    assert (found["Content"]["Body"], found["Content"]["Size"]) == ("", len(content))
    assert (found["MIME"], found["Raw"]) == (None, {"Data": ""})


def test_octets_that_are_no_utf8():
    assert described(b"Subject: x\r\n\r\n\xfc\x80")["Content"]["Body"] == "ü€"


def test_an_empty_message():
    assert described(b"")["Content"]["Size"] == 0
    assert content_of(parsed_content(b"").header, b"", 0)["Headers"] == {}


def test_it_is_a_view_of_a_message():
    message = parsed_content(b"Subject: x\r\n\r\n")
    assert rendered_view(message, "mailhog") == mailhog_content(message)
