"""Fields of a log line: whatever a peer says stays in its place, and can be read back."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx import Reply
from txsmtpx.dialog.fields import MAX_FACTS, MAX_FIELD, addresses, clipped, fields, limited, printable, quoted

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


TEXTS = {
    "letters": "x" * 100_000,
    "blanks": " " * 100_000,
    "quotes": '"' * 100_000,
    "control": "\0" * 100_000,
    "umlauts": "ü" * 100_000,
    "beyond": "\U0001f600" * 100_000,
    "halves": "\ud800" * 100_000,
}


def octets(text: str) -> int:
    """The most that it takes, as text or as JSON."""
    return max(len(quoted(text).encode()), len(json.dumps(text)))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_long_value_is_cut_and_marked(text):
    found = clipped(text)
    kept, _, missing = found.partition("...[+")
    assert text.startswith(kept)
    assert len(kept) + int(missing.removesuffix("]")) == len(text)
    assert MAX_FIELD - 12 - 2 <= octets(found) <= MAX_FIELD + 2


@given(st.text(max_size=2000) | st.text(alphabet="xü\U0001f600\0\"\\", max_size=2000))
def test_a_value_is_cut_only_if_it_is_too_long(text):
    found = clipped(text)
    assert octets(found) <= MAX_FIELD + 2
    assert (found == text) is (len(json.dumps(text)) - 2 <= MAX_FIELD)


def test_facts_are_cut_and_counted():
    facts = {"n": 1, "subject": "s" * 5000, "list": list(range(1000)), "other": "x" * 500, "last": 2.5, "none": None}
    found = limited(facts)
    assert list(found) == ["n", "subject", "cut"]
    assert (found["n"], found["cut"]) == (1, 4)
    assert len(json.dumps(found)) <= MAX_FACTS + 20
    short = {"n": 1, "true": True, "subject": "ü", "list": [1, 2], "none": None, "reply": Reply(250, None, "Ok")}
    assert limited(short) == short
    many = limited({f"fact{n}": n for n in range(10_000)})
    assert len(json.dumps(many)) <= MAX_FACTS + 200
    assert many["cut"] == 10_000 - (len(many) - 1)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_cutting_takes_no_time(text):
    began = time.process_time()
    for _ in range(20):
        clipped(text * 10)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("letter", ["x", "\0", '"', "\\", "\U0001f600"])
def test_a_value_of_just_so_many_octets_is_whole(letter):
    size = len(json.dumps(letter)) - 2
    fitting = letter * (MAX_FIELD // size)
    assert clipped(fitting) == fitting
    cut = clipped(fitting + letter)
    assert len(json.dumps(cut)) - 2 <= MAX_FIELD
    assert len(json.dumps(cut)) - 2 > MAX_FIELD - 2 * size - 3  # the mark has room for the longest number
    kept, _, number = cut.partition("...[+")
    assert f"{number}" == f"{len(fitting) + 1 - len(kept)}]"


def test_facts_that_take_just_so_many_octets_are_whole():
    size = MAX_FACTS // 4 - len('n":"",') - len('"')
    facts = {f"{number}": "x" * (size - 1) + "y" for number in range(4)}
    used = sum(len(name) + len(value) + len('"":"",') for name, value in facts.items())
    assert limited(facts) == facts
    room = MAX_FACTS - used
    more = {**facts, "0": facts["0"] + "x" * room}
    assert limited(more) == more
    assert limited({**facts, "0": facts["0"] + "x" * (room + 1)})["cut"] == 1
