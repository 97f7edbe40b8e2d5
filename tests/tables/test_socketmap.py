"""The codec of socketmap: requests, and replies cut at each position."""

from __future__ import annotations

import re

import pytest

from txsmtpx.tables.netstring import encoded
from txsmtpx.tables.socketmap import Socketmap
from txsmtpx.tables.table_codec import MAX_REPLY, TableError, TableReply


def test_a_request():
    assert Socketmap("virtual").request("bücher@example.org") == "27:virtual bücher@example.org,".encode()


@pytest.mark.parametrize("name", ["", "a b", "a\nb"])
def test_a_name_that_is_no_word(name):
    why = f"the name of a table is a word without spaces, not {name!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        Socketmap(name)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"OK ann@example.org", "ann@example.org"),
        (b"OK two  words ", "two  words "),
        (b"OK ", ""),
        (b"NOTFOUND ", None),
        (b"NOTFOUND", None),
        ("OK bücher@example.org".encode(), "bücher@example.org"),
    ],
)
def test_an_answer(content, value):
    whole = encoded(content)
    for at in range(len(whole)):
        reader = Socketmap("x").reader()
        assert reader.feed(whole[:at]) is None
        assert reader.feed(whole[at:]) == TableReply(value)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (encoded(b"TEMP no database"), "the server has replied TEMP no database"),
        (encoded(b"TIMEOUT "), "the server has replied TIMEOUT "),
        (encoded(b"PERM no such map"), "the server has replied PERM no such map"),
        (encoded(b"ok x"), "the server has sent no reply of socketmap: 'ok x'"),
        (encoded(b""), "the server has sent no reply of socketmap: ''"),
        (encoded(b"OK \xff"), "the server has sent no reply of socketmap: 'utf-8' codec can't decode byte 0xff in "
         "position 3: invalid start byte"),
        (b"HTTP/1.1 400", "the server has sent no reply of socketmap: no length of a netstring: b'HTTP/1.1 4'"),
        (encoded(b"x" * (MAX_REPLY + 1)), "the server has sent no reply of socketmap: a netstring of 100001 octets, of "
         "which 100000 are allowed"),
        (encoded(b"OK x") + b"1", "the server has sent more than one reply"),
    ],
)  # fmt: skip
def test_no_answer(octets, why):
    with pytest.raises(TableError) as raised:
        Socketmap("x").reader().feed(octets)
    assert str(raised.value) == why
