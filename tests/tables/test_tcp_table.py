"""The codec of tcp_table: requests, and replies cut at each position."""

from __future__ import annotations

import pytest

from txsmtpx.tables.table_codec import MAX_REPLY, TableError, TableReply
from txsmtpx.tables.tcp_table import TCPTable


@pytest.mark.parametrize(
    ("key", "request_"),
    [
        ("ann@example.org", b"get ann@example.org\n"),
        ("SRS0=HHHH=TT=example.org=ann@example.net", b"get SRS0=HHHH=TT=example.org=ann@example.net\n"),
        ('"100% a\\"b"@example.org', b'get "100%25%20a\\"b"@example.org\n'),
        ("bücher@example.org", b"get b%C3%BCcher@example.org\n"),
        ("a\nget b", b"get a%0Aget%20b\n"),
    ],
)
def test_a_request(key, request_):
    assert TCPTable().request(key) == request_


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"200 ann@example.org\n", "ann@example.org"),
        (b"200 ann@example.org\r\n", "ann@example.org"),
        (b"200 a%20b%25%0a\n", "a b%\n"),
        (b"200 \n", ""),
        (b"500 no%20such%20key\n", None),
        (b"500\n", None),
    ],
)
def test_an_answer(line, value):
    for at in range(len(line)):
        reader = TCPTable().reader()
        assert reader.feed(line[:at]) is None
        assert reader.feed(line[at:]) == TableReply(value)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"400 no%20database\n", "the server has replied 400 no database"),
        (b"250 ok\n", "the server has sent no reply of tcp_table: b'250 ok'"),
        (b"2000 x\n", "the server has sent no reply of tcp_table: b'2000 x'"),
        (b"\n", "the server has sent no reply of tcp_table: b''"),
        (b"200 %ff\n", "the server has sent a value that is not UTF-8: 'utf-8' codec can't decode byte 0xff in "
         "position 0: invalid start byte"),
        (b"200 a\n200 b\n", "the server has sent more than one reply"),
        (b"x" * (MAX_REPLY + 1), "the server has sent a line of more than 100000 octets"),
    ],
)  # fmt: skip
def test_no_answer(octets, why):
    with pytest.raises(TableError) as raised:
        TCPTable().reader().feed(octets)
    assert str(raised.value) == why
