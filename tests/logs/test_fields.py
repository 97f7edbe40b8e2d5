"""Fields of a log line: whatever a peer says stays in its place, and can be read back."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.dialog.fields import addresses, fields, printable, quoted

_FIELD = re.compile(r'([^ ="]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)')


def read(line: str) -> dict[str, str]:
    """As any reader of logfmt does it."""
    found, at = {}, 0
    while at < len(line):
        match = _FIELD.match(line, at)
        assert match is not None, line[at:]
        value = match[2]
        found[match[1]] = json.loads(value) if value.startswith('"') else value
        at = match.end()
    return found


NAMES = st.from_regex(r"[a-z_]{1,10}", fullmatch=True)


@given(st.dictionaries(NAMES, st.text() | st.text(alphabet=' ="\\\n\x00é\u2028\x85a1'), max_size=5))
def test_what_is_written_can_be_read(of):
    line = fields(of)
    assert line.isprintable()
    assert read(line) == of


def test_plain_values_have_no_quotes():
    assert fields({"a": "b@c.example", "n": 5, "empty": "", "x": "[::1]"}) == "a=b@c.example n=5 empty= x=[::1]"
    assert [quoted(each) for each in ("a b", 'a"b', "a=b", "a\\b")] == ['"a b"', '"a\\"b"', '"a=b"', '"a\\\\b"']
    assert [quoted(each) for each in ("für", 'f"ür')] == ['"für"', '"f\\"ür"']


def test_addresses_are_counted():
    assert addresses([]) == ""
    assert addresses(["a@b", ""]) == "<a@b>,<>"
    assert addresses([str(n) for n in range(20)], 2) == "<0>,<1>"
    assert addresses(["a@b"] * 20).count("a@b") == 10


@given(st.text())
def test_printable(text):
    assert printable(text).isprintable()


def test_printable_as_python_writes_it():
    assert printable("a\r\nb\x1b\udcff\u2028ü") == "a\\r\\nb\\x1b\\udcff\\u2028ü"
