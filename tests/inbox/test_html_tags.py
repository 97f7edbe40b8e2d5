"""The tags of HTML."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.html_tags import tags


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("", []),
        ("a < b", []),
        ("<P CLASS=x>y</P>", [("p", {"class": "x"}, "")]),
        ("<a href='1' href='2'>", [("a", {"href": "1"}, "")]),
        ("<a title=\"a>b\" b='c' d=e f>", [("a", {"title": "a>b", "b": "c", "d": "e", "f": ""}, "")]),
        ("<!-- <a> --><b>", [("b", {}, "")]),
        ("<!doctype html><b>", [("b", {}, "")]),
        ("<style>p > a {}</style><b>", [("style", {}, "p > a {}"), ("b", {}, "")]),
        ("<script>'<b>'</script>", [("script", {}, "'<b>'")]),
        ("<a href='&#104;ttp://x'>", [("a", {"href": "http://x"}, "")]),
        ("<b><i", [("b", {}, "")]),
    ],
)
def test_tags(html, found):
    assert [(each.name, each.attributes, each.content) for each in tags(html)] == found


def test_a_limit_on_their_number():
    assert sum(1 for _ in tags("<b>" * 200_000)) == 100_000
