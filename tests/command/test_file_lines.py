"""The lines of keys in TOML: found by tomllib itself, in whatever form they are written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.command.file import lines_of

DOCUMENT = '''\
# a comment
port = 25 # port = 26

"domain" = """
[not.a.table]
port = 27
"""
auth = [
    "file:a",  # ]
    "file:b",
]
limits.deep = 1
empty = []

[listener.mx]   # the first
  port = [
25, 26 ]
text = 'it''
"quoted key" = 'x'

[listener]
inline = {port = 587, lmtp = true}
'''

LINES = {
    ("port",): 2,
    ("domain",): 4,
    ("auth",): 8,
    ("limits",): 12,
    ("limits", "deep"): 12,
    ("empty",): 13,
    ("listener", "mx"): 15,
    ("listener", "mx", "port"): 16,
    ("listener", "mx", "text"): 18,
    ("listener", "mx", "quoted key"): 19,
    ("listener",): 21,
    ("listener", "inline"): 22,
    ("listener", "inline", "port"): 22,
    ("listener", "inline", "lmtp"): 22,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_form(newline):
    document = DOCUMENT.replace("'it''", "'it'")
    tomllib.loads(document)
    assert lines_of(document.replace("\n", newline)) == {(): 1, **LINES}


def test_arrays_of_tables():
    assert lines_of("[[listener]]\nport = 1\n[[listener]]\nlmtp = true\n") == {
        (): 1,
        ("listener",): 1,
        ("listener", 0): 1,
        ("listener", 0, "port"): 2,
        ("listener", 1): 3,
        ("listener", 1, "lmtp"): 4,
    }  # fmt: skip


def test_arrays_within_tables():
    found = lines_of("[a]\n[[a.b]]\nc = 1\n[[d]]\n[[a.b]]\n\nc = [\n1]\ne.f = 2\n[g]\nc = 1\n")
    assert [found["a", "b", 0, "c"], found["a", "b", 1], found["a", "b", 1, "c"]] == [3, 5, 7]
    assert [found["a", "b", 1, "e", "f"], found["d", 0], found["g", "c"]] == [9, 4, 11]


KEYS = st.lists(st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True), unique=True, min_size=1, max_size=6)
VALUES = st.sampled_from(
    ["1", "true", '"a # [b]"', "'''\nx = 1\n[y]\n'''", "[\n1,\n2 # ]\n]", '"""\\\n  x"""', "{ a = 1, b = [2] }", "[]"]
)


@given(st.data())
def test_each_key_stands_where_it_was_written(data):
    lines: list[str] = []
    expected = {}
    for key in data.draw(KEYS):
        lines += data.draw(st.lists(st.sampled_from(["", "# key = 1", "  "]), max_size=2))
        expected[(key,)] = len(lines) + 1
        lines += f"{key} = {data.draw(VALUES)}".split("\n")
    found = lines_of("\n".join(lines))
    assert {path: line for path, line in found.items() if len(path) == 1} == expected
