"""The text of the search field: what it finds, and how long it may be."""

from __future__ import annotations

import re
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox.search_query import MAX_LENGTH, MAX_TERMS, SearchQuery, SearchTerm
from txsmtpx.web.web_errors import BadRequest

SEARCHES = {
    "": [1, 2],
    "invoice": [1],
    "INVOICE": [1],
    "müller": [1],
    "from:ann": [1],
    "from:you": [],
    "to:you": [1, 2],
    "to:boss": [1],
    "subject:invoice": [1],
    "subject:pay": [],
    "SUBJECT:order": [2],
    "\u017fubject:order": [],
    "from:ann subject:invoice pay": [1],
    "from:ann subject:order": [],
    '"please pay"': [1],
    '"pay please"': [],
    'subject:"invoice 7"': [1],
    "bill.pdf": [1],
    "order": [2],
    "hidden": [],
    "word": [1, 2],
    "0123456789ab": [1, 2],
    '"': [1, 2],
    "cc:boss": [1],
    "voice": [],
    "inv": [1],
    "-invoice": [2],
    "has:attachment": [1],
    "-word": [],
    "a" * 1000: [],
    "a " * 20: [1, 2],
}


@pytest.mark.parametrize(("search", "found"), SEARCHES.items())
def test_search(web, search, found):
    head = "Subject: Invoice 7\r\nFrom: Ann Müller <ann@example.org>\r\nCc: boss@example.org\r\n"
    bill = b"Content-Disposition: attachment; filename=bill.pdf\r\n\r\nhidden"
    web.keep(head.encode() + mixed(b"\r\nPlease pay, in a word", bill).replace(b"Subject: mixed\r\n", b""))
    web.keep(b"Subject: Order\r\nContent-Type: text/html\r\n\r\n<p>another <b>w</b>ord<script>hidden</script>")
    listed = web.json(f"/api/messages?search={quote(search)}")
    assert sorted(each["id"] for each in listed["messages"]) == found


def words(value, field="", excluded=False):
    return SearchTerm("words", value, field, excluded)


@pytest.mark.parametrize(("text", "terms"), [
    ("", []), ("   ", []), ("word", [words("word")]), ("Two words", [words("two"), words("words")]),
    ('"Two words" more', [words("two words"), words("more")]), ("a:b http://x/", [words("a b"), words("http x")]),
    ('from:"Ann B" x', [words("ann b", "from"), words("x")]), ("CC:ann", [words("ann", "cc")]),
    ("FROM:Ann To:bob subject:x", [words("ann", "from"), words("bob", "to"), words("x", "subject")]),
    ("message-id:<a1@b.example>", [words("a1 b example", "message-id")]),
    ('"open', [words("open")]), ('""', []), ('"', []), ("-", []), ("a - b", [words("a"), words("b")]),
    ("\u00dc", [words("\u00fc")]), ("U\u0308", [words("\u00fc")]), ("\u017fubject:x", [words("\u017fubject x")]),
    ("well-known", [words("well known")]), ("-word", [words("word", excluded=True)]),
    ('-"a b" !c', [words("a b", excluded=True), words("c", excluded=True)]),
    ("-from:ann", [words("ann", "from", excluded=True)]),
    ("has:attachment has:ATTACHMENTS", [SearchTerm("attachment")] * 2), ("-has:attachment",
     [SearchTerm("attachment", excluded=True)]),
    ("is:read is:unread", [SearchTerm("read"), SearchTerm("read", excluded=True)]),
    ("-is:unread", [SearchTerm("read")]),
    ("is:tagged tag:Sign-Up", [SearchTerm("tagged"), SearchTerm("tag", "sign-up")]),
    ("tag:\"new user\"", [SearchTerm("tag", "new user")]),
    ("before:2025-06-15", [SearchTerm("before", 1749945600.0)]),
    ("after:2025-06-15T15:06:40.250Z", [SearchTerm("after", 1750000000.25)]),
    ("after:2025-06-15T17:06:40+02:00", [SearchTerm("after", 1750000000.0)]),
    ("larger:5000 smaller:1.5M", [SearchTerm("larger", 5000.0), SearchTerm("smaller", 1500000.0)]),
    ("larger:20kb smaller:1G", [SearchTerm("larger", 20000.0), SearchTerm("smaller", 1e9)]),
    ("bcc:ann reply-to:bob addressed:cid", [words("ann", "to"), words("bob", "to"), words("cid", "addressed")]),
    ("\u65e5\u672c", [words("\u65e5 \u672c")]), ("\U0001f389", [words("\U0001f389")]),
])  # fmt: skip
def test_the_terms(text, terms):
    query = SearchQuery(text)
    assert query.terms == terms
    assert bool(query) is bool(terms)


@pytest.mark.parametrize(("text", "complaint"), [
    ("from:", "search: from: needs a value right behind it, such as from:ann"),
    ("from: ann", "search: from: needs a value right behind it"),
    ('subject:""', "search: subject: needs a value right behind it, such as subject:invoice"),
    ("to:...", "search: to: needs a word with a letter or a digit, not '...'"),
    ("has:image", "search: has: needs attachment or attachments, not 'image'"),
    ("is:unred", "search: is: needs unread or read or tagged, not 'unred'"),
    ("before:tomorrow", "search: before: needs a date such as 2026-06-15, or a time such as 2026-06-15T15:06, not"),
    ("after:2026-02-30", "search: after: needs a date such as 2026-06-15"),
    ("before:0001-01-01T00:00+23:59x", "search: before: needs a date"),
    ("larger:big", "search: larger: needs a size such as 5000, 20K or 1.5M, not 'big'"),
    ("smaller:-1", "search: smaller: needs a size"), ("larger:1\u0661", "search: larger: needs a size"),
    ("...", "search: '...' has no letter, digit or symbol to search for"),
])  # fmt: skip
def test_a_wrong_query_says_what_is_wrong(web, text, complaint):
    with pytest.raises(BadRequest, match=re.escape(complaint)):
        SearchQuery(text)
    web.keep(b"")
    for method in ("GET", "DELETE"):
        said = web.ask(method, f"/api/messages?search={quote(text)}")
        assert said.status == 400
        assert complaint in said.json["error"]
    assert len(web.backend.messages) == 1


@pytest.mark.parametrize(("text", "complaint"), [
    ("x" * (MAX_LENGTH + 1), f"search: {MAX_LENGTH + 1} characters are too many; the limit is {MAX_LENGTH}"),
    ("x " * (MAX_TERMS + 1), f"search: {MAX_TERMS + 1} words are too many; the limit is {MAX_TERMS}"),
])  # fmt: skip
def test_too_much(text, complaint):
    with pytest.raises(BadRequest, match=complaint):
        SearchQuery(text)


@pytest.mark.parametrize("text", ["x" * MAX_LENGTH, "x " * MAX_TERMS, '"' * MAX_LENGTH, '""' * (MAX_LENGTH // 2)])
def test_as_much_as_may_be(text):
    assert len(SearchQuery(text).terms) <= MAX_TERMS


def test_the_zone_of_a_time():
    zone = ZoneInfo("Asia/Tokyo")
    (term,) = SearchQuery("after:2025-06-15T15:06:40", zone=zone).terms
    assert term == SearchTerm("after", 1750000000.0 - 9 * 3600)
    (term,) = SearchQuery("before:2025-06-15T15:06:40Z", zone=zone).terms
    assert term == SearchTerm("before", 1750000000.0)
