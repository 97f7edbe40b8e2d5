"""The text of the search field: what it finds, and how long it may be."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox.inbox_errors import BadRequest
from txsmtpx.inbox.search_query import MAX_LENGTH, MAX_TERMS, SearchQuery

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
    "from:": [],
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


@pytest.mark.parametrize(("text", "terms"), [
    ("", []), ("   ", []), ("word", [("", b"word")]), ("Two words", [("", b"two"), ("", b"words")]),
    ('"Two words" more', [("", b"two words"), ("", b"more")]), ('from:"Ann B" x', [("from", b"ann b"), ("", b"x")]),
    ("FROM:Ann To:bob subject:x", [("from", b"ann"), ("to", b"bob"), ("subject", b"x")]), ("cc:ann", [("", b"cc:ann")]),
    ('"open', [("", b"open")]), ('""', []), ("from:", [("", b"from:")]),
    ("from: ann", [("", b"from:"), ("", b"ann")]), ("Ü", [("", "ü".encode())]),
    ("\u017fubject:x", [("", "\u017fubject:x".encode())]), ("a:b", [("", b"a:b")]),
])  # fmt: skip
def test_the_terms(text, terms):
    query = SearchQuery(text)
    assert query.terms == terms
    assert bool(query) is bool(terms)


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
