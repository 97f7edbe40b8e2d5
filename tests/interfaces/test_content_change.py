"""A change of the content is checked when it is made."""

from __future__ import annotations

import pytest

from txsmtpx import AddHeader, DeleteHeader, InsertHeader, ReplaceBody, ReplaceHeader

FIELDS = [AddHeader, ReplaceHeader, lambda name, value: InsertHeader(2, name, value)]


@pytest.mark.parametrize("make", FIELDS)
def test_a_text_is_encoded_and_octets_are_not(make):
    assert make("X-A", "Grüße").encoded == b"X-A: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    assert make("X-A", b"no space\r\n\tfolded \xff").encoded == b"X-A:no space\r\n\tfolded \xff\r\n"
    assert make("X-A", "").encoded == b"X-A:\r\n"


@pytest.mark.parametrize("make", FIELDS)
@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\r\nA", "Ä", "x" * 201])
@pytest.mark.parametrize("value", ["a", b"a"])
def test_what_is_no_name(make, name, value):
    with pytest.raises(ValueError, match="not the name of a header field"):
        make(name, value)
    with pytest.raises(ValueError, match="not the name of a header field"):
        DeleteHeader(name)


@pytest.mark.parametrize("make", FIELDS)
@pytest.mark.parametrize(
    "value", [b"a\r\nBcc: b", b"a\nb", b"a\n b", b"a\r", b"a\r b", b"\r\n\r\n", b"a\0b", "a\r\nBcc: b"]
)
def test_a_value_that_would_begin_another_line(make, value):
    with pytest.raises(ValueError, match="the header field X cannot hold"):
        make("X", value)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AddHeader(1, "a"), TypeError, "AddHeader: name must be a str, not 1"),
        (lambda: AddHeader("X", 1), TypeError, "AddHeader: value must be a str or bytes, not 1"),
        (lambda: InsertHeader("0", "X", "a"), TypeError, "InsertHeader: index must be an integer, not '0'"),
        (lambda: InsertHeader(True, "X", "a"), TypeError, "InsertHeader: index must be an integer, not True"),
        (lambda: InsertHeader(-1, "X", "a"), ValueError, "InsertHeader: index must be 0 or more, not -1"),
        (lambda: ReplaceHeader("X", "a", 0), ValueError, "ReplaceHeader: index must be 1 or more, not 0"),
        (lambda: DeleteHeader("X", 0), ValueError, "DeleteHeader: index must be 1 or more, not 0"),
        (lambda: ReplaceBody("text"), TypeError, "ReplaceBody: body must be bytes, not 'text'"),
    ],
)
def test_what_cannot_be_used_is_refused(make, error, text):
    with pytest.raises(error, match=f"^{text}"):
        make()


def test_what_can_be_used():
    assert DeleteHeader("X", 2).index == 2
    assert ReplaceBody(b"") == ReplaceBody(b"")
