"""HTML of a message, written anew: what is kept, what is dropped, and that nothing else can come out."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inbox.test_character_references import NUMBERS
from txsmtpx.inbox import sanitized_html
from txsmtpx.inbox.sanitized_html import ATTRIBUTES, ELEMENTS, SanitizedHtml

PIXEL = "data:image/png;base64,AAAA"


def made(source: str) -> SanitizedHtml:
    return SanitizedHtml(source, {"pixel": PIXEL}.get)


KEPT = [
    ("<p>Hey &lt;3 &amp; &copy;</p>", "<p>Hey &lt;3 &amp; &copy;</p>"),
    ("<P ALIGN=center>x</P>", '<p align="center">x</p>'),
    ("<p\ntitle='a\"b'\n>x", '<p title="a&quot;b">x'),
    ("<p title=don't>x", '<p title="don&#x27;t">x'),
    ("<td nowrap colspan = '2'>", '<td nowrap="" colspan="2">'),
    ("<br/><hr />", "<br><hr>"),
    ("<body style='color: red' bgcolor=#fff>", '<body style="color: red" bgcolor="#fff">'),
    ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
    ("<a href='https://example.org/?a=1&amp;b=2'>x</a>",
     '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>'),
    ("<a href='#there'>x</a>", '<a href="#there">x</a>'),
    ("<img src='CID:pixel' alt=x>", f'<img alt="x" src="{PIXEL}">'),
    (f"<img src='{PIXEL}'>", f'<img src="{PIXEL}">'),
    ("<table background=cid:pixel>", f'<table background="{PIXEL}">'),
    ("<style>p > a { color: red }</style>", "<style>p > a { color: red }</style>"),
    ("<style><!-- p { } --></style>", "<style> p { } </style>"),
    ("<div style='background: url(cid:pixel)'>", f'<div style="background: url(&quot;{PIXEL}&quot;)">'),
]  # fmt: skip

DROPPED = [
    ("<script>alert(1)</script>x", "x"),
    ("<script>alert(1)</script >x", "x"),
    ("<script>alert(1)", ""),
    ("<SCRIPT/x>alert('</scriptx>')</ScRiPt\n>x", "x"),
    ("<svg><script>alert(1)</script></svg>x", "x"),
    ("<math><mi></math>x", "x"),
    ("<iframe src=https://example.org></iframe>x", "x"),
    ("<title><b>x</title>y", "y"),
    ("<textarea><script></textarea>x", "x"),
    ("<!-- <b> -->x<!--", "x"),
    ("<!-->x-->y", "y"),
    ("<!DOCTYPE html><?php ?><![if !mso]>x<![endif]>", "x"),
    ("<p onclick=alert(1) ONLOAD='x' formaction=y ping=z>", "<p>"),
    ("<a href='javascript:alert(1)'>x</a>", "<a>x</a>"),
    ("<a href='jav&#x61;script:alert(1)'>x</a>", "<a>x</a>"),
    ("<a href='http\u017f://x'>x</a>", "<a>x</a>"),
    ("<a href='ma\u0131lto:x'>x</a>", "<a>x</a>"),
    ("<a href=' java\tscript:alert(1)'>x</a>", "<a>x</a>"),
    ("<a href='data:text/html,x'>x</a>", "<a>x</a>"),
    ("<a href=/api/messages>x</a>", "<a>x</a>"),
    ("<img src=https://example.org/x.png srcset='//example.org/y 2x'>", "<img>"),
    ("<img src=cid:other>", "<img>"),
    ("<img src='data:image/svg+xml;base64,AAAA'>", "<img>"),
    ("<img src='data:text/html;base64,AAAA'>", "<img>"),
    ("<link rel=preconnect href=https://example.org><meta http-equiv=refresh content='0;url=//x'><base href=//x>", ""),
    ("<form action=//x><input autofocus onfocus=x><button>b</button></form>", "b"),
    ("<o:p>x</o:p><custom-thing>y</custom-thing>", "xy"),
    ("<p title='unclosed", ""),
    ("</p x='>y", "</p>y"),
    ("<b <i>x", "<b>x"),
    ("<style></sty</style>x", r"<style>\3c /sty</style>x"),
]


@pytest.mark.parametrize(("source", "written"), [*KEPT, *DROPPED])
def test_html(source, written):
    assert made(source).html == written


def test_remote_references_are_counted():
    source = "<img src=https://a/><img src=//b/><p style='background: url(\"http://c\")'><img src=cid:pixel><img src=x>"
    assert made(source).remote == 3


class Reader(HTMLParser):
    """Another reading of the result, which has to find nothing in it that we would not write."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ELEMENTS | {"style"}:
            self.found.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES | {"href", "src", "background", "target", "rel"}:
                self.found.append(name)
            if name == "href" and not value.startswith(("http:", "https:", "mailto:", "tel:", "#")):
                self.found.append(value)
            if name in ("src", "background") and not value.startswith("data:image/"):
                self.found.append(value)

    def handle_comment(self, data):
        self.found.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


PIECES = st.sampled_from(
    ["<", ">", "/", "=", '"', "'", "!", "-", "--", " ", "\n", "<!--", "-->", "<script", "</script", "<style>",
     "</style", "<img src=", "<a href=", "javascript:", "https://x/", "cid:pixel", "&lt;", "&#60;script&#62;",
     "onload=", "<svg>", "<p ", "</p", "style=", "url(cid:pixel)", "<![CDATA[", "]]>", "<?", "x", "\0"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_anything(source):
    written = made(source).html
    reader = Reader()
    reader.feed(written)
    reader.close()
    assert reader.found == []
    # Each "<" begins a tag that is ours, whoever reads it.
    assert len(re.findall(r"</?[a-z][a-z0-9]*(?: [a-z]+=\"[^\"<>]*\")*>", written)) == written.count("<")


SLOW = {
    "tags": "<b>" * 300_000,
    "deep": "<div>" * 50_000,
    "less": "<" * 1_000_000,
    "attributes": "<a " + "x=1 " * 250_000,
    "quotes": "<a b='" * 150_000,
    "other quotes": "<a b=\"'" * 150_000,
    "spaces": "<a" + " " * 1_000_000,
    "comments": "<!--" * 250_000,
    "styles": "<style>" * 150_000,
    "scripts": "<script></script>" * 60_000,
    "urls": "<style>" + "url(" * 250_000,
    "spaces in urls": "<style>url(" + " " * 1_000_000,
    "equals": "<a " + "=" * 500_000,
    "content ids": "<style>" + "url(cid:" * 100_000,
    "content ids in attributes": "<p style='" + "url(cid:" * 100_000 + "'>",
    "entities": "<p title='" + "&lt;" * 200_000 + "'>",
    "long numbers": "<p title='" + ("&#" + "9" * 5000 + ";") * 100 + "'>",
    "one long number": "<p title='&#" + "9" * 1_000_000 + "'>" + "&#x" + "f" * 1_000_000,
    "ends of comments": "<!--" + "--" * 400_000,
    "declarations": "<!" * 400_000,
    "brackets": ">" * 1_000_000,
    "names": "<" + "a" * 1_000_000,
    "attribute names": "<a " + "b" * 1_000_000 + "=",
}


@pytest.mark.parametrize("source", SLOW.values(), ids=SLOW)
def test_it_is_not_slow(source):
    """Each would take minutes if the time grew with the square of its length."""
    assert len(made(source).html) <= 6 * len(source)


def test_there_is_an_end(monkeypatch):
    monkeypatch.setattr(sanitized_html, "MAX_TAGS", 3)
    cut = made("<p>a<p>b<p>c<p>d")
    assert (cut.html, cut.truncated) == ("<p>a<p>b<p>c", True)
    monkeypatch.setattr(sanitized_html, "MAX_LENGTH", 2)
    assert (made("abc").html, made("abc").truncated, made("ab").truncated) == ("ab", True, False)
    monkeypatch.setattr(sanitized_html, "MAX_LENGTH", 100)
    monkeypatch.setattr(sanitized_html, "MAX_WRITTEN", 8)
    assert (made(">>><b>x").html, made(">>><b>x").truncated) == ("&gt;&gt;&gt;", True)
    assert made(f"<img src={PIXEL}>").truncated is False


@pytest.mark.parametrize(("reference", "text"), NUMBERS.items(), ids=[each[:12] for each in NUMBERS])
def test_references_to_characters(reference, text):
    """As many digits as a message may have are no error, though `int` takes them for one."""
    assert made(f"<p title='{reference}'>x").html == f'<p title="{html.escape(text)}">x'


def test_an_attribute_that_is_not_looked_at_is_not_kept():
    assert made("<p " + "x " * 10 + "title=a title=b>").html == '<p title="a">'


def test_an_image_is_not_written_for_ever():
    made = SanitizedHtml("<img src=cid:pixel>" * 3, {"pixel": PIXEL}.get, 2 * len(PIXEL))
    assert made.html == f'<img src="{PIXEL}">' * 2 + "<img>"
