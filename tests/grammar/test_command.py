"""Command lines (RFC 5321 §4.1.1): split, joined, and what is no command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import command


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"NOOP", "NOOP", ""),
        (b"noop", "NOOP", ""),
        (b"NOOP ", "NOOP", ""),
        (b"EHLO  client.example ", "EHLO", "client.example"),
        (b"MAIL FROM:<> SIZE=1", "MAIL", "FROM:<> SIZE=1"),
        (b"", "", ""),
        (b" NOOP", "", "NOOP"),
        ("VRFY jürgen".encode(), "VRFY", "jürgen"),
        ("R\u017fet".encode(), "R\u017fet", ""),
        ("ma\u0131l FROM:<>".encode(), "ma\u0131l", "FROM:<>"),
        ("VRFY a\u2028b\u00a0".encode(), "VRFY", "a\u2028b\u00a0"),
    ],
)
def test_split(line, verb, argument):
    assert command.split(line) == (verb, argument)


CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_character_anywhere_is_no_command(control):
    octets = chr(control).encode()
    for line in (octets + b"NOOP", b"NO" + octets + b"OP", b"NOOP" + octets, b"NOOP a" + octets + b"b"):
        with pytest.raises(ValueError, match="control octet"):
            command.split(line)
    with pytest.raises(ValueError, match="control character"):
        command.join("NOOP", f"a{chr(control)}b")
    with pytest.raises(ValueError, match="control character"):
        command.join(f"NOOP{chr(control)}")


@pytest.mark.parametrize("octets", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x8d"])
def test_what_is_not_utf_8_is_no_command(octets):
    with pytest.raises(UnicodeDecodeError):
        command.split(b"VRFY " + octets)


def test_join():
    assert command.join("MAIL", "FROM:<jürgen@example.com>", "SMTPUTF8") == (
        "MAIL FROM:<jürgen@example.com> SMTPUTF8\r\n".encode()
    )


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1), st.lists(words))
def test_split_is_the_inverse_of_join(verb, argument):
    line = command.join(verb, *argument)
    assert command.split(line.removesuffix(b"\r\n")) == (verb, " ".join(argument))


@given(st.binary(max_size=60))
def test_any_line_is_a_command_or_a_value_error(line):
    try:
        verb, argument = command.split(line)
    except ValueError:
        return
    assert "\r" not in verb + argument
    assert command.join(verb, argument)


def test_only_spaces_are_taken_away():
    assert command.split(b"HELO  XENA.X ") == ("HELO", "XENA.X")
