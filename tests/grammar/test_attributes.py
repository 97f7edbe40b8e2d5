"""Attributes of XCLIENT and XFORWARD: there and back, and whatever else may come."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.extensions.xclient import XCLIENT_ATTRIBUTES, XFORWARD_ATTRIBUTES
from txsmtpx.grammar import attributes

TEXT = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=255).filter(
    lambda text: text.upper() not in attributes.UNAVAILABLE
)
ADDRESS = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).filter(lambda ip: ip.scope_id is None).map(str)
PORT = st.integers(0, 65535).map(str)
VALUES = {name: ADDRESS if "ADDR" in name else PORT if "PORT" in name else TEXT for name in XCLIENT_ATTRIBUTES}
GIVEN = st.fixed_dictionaries({}, optional={name: st.just("") | value for name, value in VALUES.items()}).filter(bool)


@given(GIVEN)
def test_there_and_back(given):
    words = attributes.format(given, XCLIENT_ATTRIBUTES)
    assert all(" " not in word and word.isascii() and word.isprintable() for word in words)
    assert attributes.parse(" ".join(words), XCLIENT_ATTRIBUTES) == given


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ADDR=192.0.2.1 PORT=25", {"ADDR": "192.0.2.1", "PORT": "25"}),
        ("addr=IPV6:2001:DB8::1", {"ADDR": "2001:db8::1"}),
        ("DESTADDR=ipv6:::1 DESTPORT=0", {"DESTADDR": "::1", "DESTPORT": "0"}),
        ("NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL]", {"NAME": "", "ADDR": ""}),
        ("NAME=[unavailable]", {"NAME": ""}),
        ("LOGIN=[UNAVAILABLE]", {"LOGIN": ""}),
        ("HELO=", {"HELO": ""}),
        ("HELO=a+20b+2B+3D", {"HELO": "a b+="}),
        ("  HELO=a   NAME=b ", {"HELO": "a", "NAME": "b"}),
        ("LOGIN=j+C3+BCrgen", {"LOGIN": "jürgen"}),
        (f"HELO={'x' * 255}", {"HELO": "x" * 255}),
    ],
)
def test_good(text, found):
    assert attributes.parse(text, XCLIENT_ATTRIBUTES) == found


BAD = [
    "",
    "ADDR",
    "=x",
    "IDENT=x",
    "HELO=x H\u0131LO=x",
    "ADDR=192.0.2.1 addr=192.0.2.2",
    "ADDR=",
    "ADDR=192.0.2",
    "ADDR=192.0.2.256",
    "ADDR=2001:db8::1",
    "ADDR=IPV6:192.0.2.1",
    "ADDR=IPV6:",
    "ADDR=IPV6:fe80::1%eth0",
    "ADDR=IPV6:fe80::1%x])+20by+20evil",
    "PORT=",
    "PORT=-1",
    "PORT=65536",
    "PORT=9999999999999999999999",
    "PORT=²",
    "PORT=+D9+A3",
    "DESTPORT=smtp",
    "NAME=a+0D+0AX-Evil:+20yes",
    "NAME=a+00",
    "NAME=a+E2+80+A8b",
    "NAME=+FF",
    "NAME=+zz",
    "NAME=ü",
    "NAME=a=b",
    "NAME=a\xa0HELO=b",
    f"HELO={'x' * 256}",
]


@pytest.mark.parametrize("text", BAD)
def test_bad(text):
    with pytest.raises(ValueError, match=r".") as raised:
        attributes.parse(text, XCLIENT_ATTRIBUTES)
    assert len(str(raised.value)) < 100
    assert "evil" not in str(raised.value).lower()


@given(st.text(max_size=300))
def test_anything_else_is_a_value_error(text):
    try:
        found = attributes.parse(text, XFORWARD_ATTRIBUTES)
    except ValueError:
        return
    assert found.keys() <= set(XFORWARD_ATTRIBUTES)
    assert all(value.isprintable() and len(value) <= attributes.MAX_VALUE for value in found.values())


@given(st.ip_addresses(v=6).map(str))
def test_an_address_of_ipv6_says_so(host):
    host = host.partition("%")[0]
    (word,) = attributes.format({"ADDR": host}, ["ADDR"])
    assert word.startswith("ADDR=IPV6:")
    assert ipaddress.ip_address(attributes.parse(word, ["ADDR"])["ADDR"]) == ipaddress.ip_address(host)


def test_what_is_not_known_is_left_out():
    assert attributes.format({"NAME": "a", "IDENT": "b", "PORT": ""}, ["IDENT", "PORT"]) == [
        "IDENT=b",
        "PORT=[UNAVAILABLE]",
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("ADDR", "mail"), ("PORT", "-1"), ("HELO", "a\r\nQUIT"), ("HELO", "x" * 256), ("ADDR", "::1%x")]
)
def test_a_value_that_it_cannot_have_is_not_written(name, value):
    with pytest.raises(ValueError, match=r"."):
        attributes.format({name: value}, XCLIENT_ATTRIBUTES)
