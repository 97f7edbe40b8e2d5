"""The author's domain, the fields that are signed, and headers that are malformed."""

from __future__ import annotations

import pytest

from txsmtpx.wire.dkim_header import SIGNED, author_domain, is_well_formed, signed_names


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        (b"From: ann@example.org\r\n", "example.org"),
        (b'To: x\r\nFROM : "a@b" <ann@Example.ORG>\r\n', "Example.ORG"),
        (b"From: Ann\r\n <ann@example.org>\r\n", "example.org"),
        (b"From: a@x, b@x\r\n", "x"),
        (b"From: a@x, b@y\r\n", ""),
        (b"From: a@x\r\nFrom: a@x\r\n", ""),
        (b"Resent-From: a@x\r\n", ""),
        (b"From: nothing\r\n", ""),
        (b"From: friends: a@x;\r\n", "x"),
        (b'From: "x, b@y" <a@x>\r\n', "x"),
        (b"From: " + b"(" * 60_000 + b" a@x\r\n", ""),
        (b"From: a@x, " + b"b@y, " * 20_000 + b"\r\n", ""),
        (b"", ""),
    ],
)
def test_the_domain_of_the_author(header: bytes, domain: str) -> None:
    assert author_domain(header) == domain


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"From: a@x\r\n", True),
        (b"From: a@x\r\n\t\r\nSubject:\r\n", True),
        (b"Subject: \xfc\0\r\n", True),
        (b"", False),
        (b"From: a@x", False),
        (b" x\r\nFrom: a@x\r\n", False),
        (b"From ann Thu Jan 31\r\nFrom: a@x\r\n", False),
        (b"From : a@x\r\n", False),
        (b"From: a@x\n", False),
        (b"From: a@x\rSubject: y\r\n", False),
    ],
)
def test_a_header_is_well_formed(header: bytes, expected: bool) -> None:
    assert is_well_formed(header) is expected


def test_each_field_is_signed_once_more_than_it_is_there() -> None:
    names = signed_names(b"From: a@x\r\nFROM: b@x\r\n from: c@x\r\nX-Other: from\r\n")
    assert names.count(b"from") == 3
    assert len(names) == len(SIGNED) + 2
