"""Command lines (RFC 5321 §4.1.1): split, joined, and what is no command line."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import command
from txsmtpx.grammar.malformed import Malformed


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
        (b"NOOP\t", "NOOP", ""),
        (b"NOOP \t \t", "NOOP", ""),
        (b"EHLO\tclient.example", "EHLO", "client.example"),
        (b"\tNOOP", "", "NOOP"),
        (b"MAIL\t FROM:<a@b>\tSIZE=1 \tBODY=7BIT\t", "MAIL", "FROM:<a@b> SIZE=1  BODY=7BIT"),
        (b'MAIL FROM:<"a b"@c>\tSIZE=1\t', "MAIL", 'FROM:<"a b"@c> SIZE=1'),
        (b'MAIL FROM:<"a\\"b"@c>\tSIZE=1\t', "MAIL", 'FROM:<"a\\"b"@c> SIZE=1'),
        (b'NOOP "\t', "NOOP", '"'),
        ("VRFY jürgen\t".encode(), "VRFY", "jürgen"),
        ("VRFY\ta\u00a0\t".encode(), "VRFY", "a\u00a0"),  # which is no white space of the protocol
    ],
)
def test_split(line, verb, argument):
    assert command.split(line) == (verb, argument)


CONTROLS = [each for each in (*range(0x20), *range(0x7F, 0xA0)) if each != 0x09]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_character_anywhere_is_no_command(control):
    octets = chr(control).encode()
    for line in (octets + b"NOOP", b"NO" + octets + b"OP", b"NOOP" + octets, b"NOOP a" + octets + b"b"):
        with pytest.raises(Malformed, match="control"):
            command.split(line)


@pytest.mark.parametrize("control", [*CONTROLS, 0x09])
def test_a_control_character_is_never_written(control):
    with pytest.raises(ValueError, match="control character"):
        command.join("NOOP", f"a{chr(control)}b")
    with pytest.raises(ValueError, match="control character"):
        command.join(f"NOOP{chr(control)}")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"MAIL FROM:<\xe9@example.com>", "Octet 0xE9 at position 12 is not UTF-8"),
        ("MAIL FROM:<ü".encode() + b"\xfc>", "Octet 0xFC at position 14 is not UTF-8"),
        (b"\xff", "Octet 0xFF at position 1 is not UTF-8"),
        (b"VRFY \xc3", "Octet 0xC3 at position 6 is not UTF-8"),
        (b"VRFY \xed\xa0\x80", "Octet 0xED at position 6 is not UTF-8"),
        (b"VRFY \xc0\x8d", "Octet 0xC0 at position 6 is not UTF-8"),
        (b"NOOP\0", "Octet 0x00 at position 5 is a control octet"),
        (b"NOOP\rQUIT", "Octet 0x0D at position 5 is a control octet"),
        (b"NOOP\t\x7f\0", "Octet 0x7F at position 6 is a control octet"),
        ("VRFY ü\x85".encode(), "Octet 0xC2 at position 8 begins a control character"),
        (b'VRFY "a" "b\t"', "Octet 0x09 at position 12 is a control octet"),
        (b'VRFY "a\\"\t"', "Octet 0x09 at position 10 is a control octet"),
        (b'VRFY "a\tb', "Octet 0x09 at position 8 is a control octet"),
    ],
)
def test_which_octet_is_wrong(line, reason):
    with pytest.raises(Malformed) as refused:
        command.split(line)
    assert str(refused.value) == reason


def test_a_line_of_quotes_is_read_in_linear_time():
    for octets in (b'\\"', b'"', b'"\\'):
        line = b"NOOP " + octets * 200_000 + b"\t."
        started = time.perf_counter()
        with contextlib.suppress(Malformed):
            command.split(line)
        assert time.perf_counter() - started < 2


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


@pytest.mark.parametrize(
    ("line", "position"),
    [(b'MAIL FROM:<"a\tb"@x>', 14), (b'MAIL\tFROM:<"a\tb\tc"@x>', 14), (b'MAIL FROM:<"a b"@x>\t"c\td"', 23)],
)
def test_the_first_tab_within_quotes_is_named(line, position):
    with pytest.raises(Malformed, match=f"0x09 at position {position} "):
        command.split(line)
