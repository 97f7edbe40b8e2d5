"""
The texts of the errors that decoders raise: the server sends them to the client, in a 501 or 555.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from txsmtpx.grammar import attributes, command, esmtp_parameter, moment, path, xtext
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import ReplyParser

KNOWN = {
    "SIZE": Parameter("SIZE", "size", esmtp_parameter.number(3), str),
    "PRDR": Parameter("PRDR", "prdr", esmtp_parameter.no_value, lambda value: None),
}


def parameters(text: str) -> None:
    esmtp_parameter.parse(text, KNOWN, MailOptions())


def listed(text: str) -> None:
    attributes.parse(text, ("ADDR", "PORT", "NAME"))


def endless(line: bytes) -> None:
    parser = ReplyParser()
    for _ in range(2000):
        parser.feed(line)


REASONS: list[tuple[Callable[[Any], Any], Any, str]] = [
    (path.parse_path, "a@b", "the address stands in angle brackets"),
    (path.parse_path, "<a@b>x", "a space stands between path and parameters"),
    (path.parse_path, "<@a.example;a@b>", "bad source route"),
    (path.parse_path, "<a@b", "the closing bracket is missing"),
    (path.parse_path, '<"a>@b', "the closing bracket is missing"),
    (path.parse_mailbox, "a b@c", "not a mailbox"),
    (path.parse_mailbox, f"{'a' * 257}@b", "the local part is too long"),
    (path.parse_mailbox, f"a@{'.'.join(['a' * 60] * 5)}", "the domain is too long"),
    (path.parse_mailbox, f"a@{'b' * 64}", "a label of the domain is too long"),
    (path.parse_mailbox, "a@[IPv6:fe80::1%1]", "a scope means nothing elsewhere"),
    (path.parse_mailbox, "a@[x-:y]", "bad address literal"),
    (path.parse_mailbox, "a@[IPv6::1]", "not an IPv6 address"),
    (path.parse_mailbox, "a@[IPv6:1:2]", "not an IPv6 address"),
    (path.parse_mailbox, "a@[300.1.1.1]", "not an IPv4 address"),
    (path.parse_mailbox, "a@[x]", "not an IPv4 address"),
    (xtext.decode, "a=", "not xtext"),
    (xtext.decode, "+FF", "not xtext of UTF-8"),
    (moment.decode, "2030-13-31T12:00:00Z", "no such date, time or offset"),
    (moment.decode, "2030-01-31T12:00:00+24:00", "no such date, time or offset"),
    (moment.decode, "2030-01-31", "takes a date and time such as 2030-01-31T12:00:00Z"),
    (moment.decode, None, "takes a date and time such as 2030-01-31T12:00:00Z"),
    (
        moment.encode, datetime(2030, 1, 31),
        "2030-01-31 00:00:00 has no time zone: make the datetime with tzinfo=UTC or another time zone",
    ),
    (
        moment.encode, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))),
        "in UTC the year of 0001-01-01 00:00:00+09:00 is not from 1 to 9999",
    ),
    (listed, "NAME=ü", "an attribute is ASCII"),
    (listed, "NAME=a NAME=b", "attributes are ADDR PORT NAME, each at most once"),
    (listed, "HELO=a", "attributes are ADDR PORT NAME, each at most once"),
    (listed, "NAME", "attributes are ADDR PORT NAME, each at most once"),
    (listed, "NAME=a=b", "NAME cannot be that"),
    (listed, "PORT=65536", "PORT cannot be that"),
    (listed, "ADDR=1.2.3", "ADDR cannot be that"),
    (listed, "ADDR=IPV6::1", "ADDR cannot be that"),
    (listed, "NAME=+FF", "NAME cannot be that"),
    (listed, f"NAME={'a' * 256}", "NAME cannot be that"),
    (listed, " ", "no attribute"),
    (command.split, b"NOOP\0", "Octet 0x00 at position 5 is a control octet"),
    (command.join, f"NOOP\n{'x' * 200}", f"control character in a command: {'NOOP' + chr(10) + 'x' * 95!r}"),
    (parameters, "SIZE=", "bad parameter"),
    (parameters, "X=1", "X"),
    (parameters, "SIZE=1 size=2", "SIZE stands twice"),
    (parameters, "SIZE=1234", "SIZE: takes a number of at most 3 digits"),
    (parameters, "SIZE", "SIZE: takes a number of at most 3 digits"),
    (parameters, "PRDR=1", "PRDR: takes no value"),
    (ReplyParser().feed, b"x" * 200, f"not a reply line: {b'x' * 100!r}"),
    (endless, b"250-x", "a reply has more than 1000 lines"),
]


@pytest.mark.parametrize(("decode", "given", "reason"), REASONS)
def test_the_reason(decode, given, reason):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # what it says is compared below, to the letter
        decode(given)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "x", "PORT is a port from 0 to 65535, not 'x'"),
        ("ADDR", "fe80::1%1", "ADDR is an IP address without a zone, not 'IPV6:fe80::1%1'"),
        ("NAME", "a\n", "NAME is at most 255 printable characters, not 'a\\n'"),
    ],
)
def test_a_value_that_its_attribute_cannot_have_is_not_written_either(name, value, reason):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the text is compared below
        attributes.format({name: value}, (name,))
    assert str(refused.value) == reason
