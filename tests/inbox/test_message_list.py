"""The list of messages on a page, and the addresses of longer and later lists."""

from __future__ import annotations

import html
import re

import pytest

from txsmtpx.inbox import message_list
from txsmtpx.inbox.message_list import LIST, LIST_PARAMETERS, MessageList
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest


def test_search_is_kept_in_links(web):
    web.keep(b"Subject: \xc3\xbc\r\n\r\n")
    web.keep(b"Subject: other\r\n\r\n")
    page = web.get("/?search=%C3%BC").text
    assert re.findall(r'href="\.(/messages/[^"]*)"', page) == ["/messages/1?search=%C3%BC"]
    assert "1 of 2 messages" in page
    assert 'value="ü"' in page
    assert "No messages match “<bdi>&lt;b&gt;</bdi>”" in web.get("/?search=%3Cb%3E").text


@pytest.mark.parametrize(("search", "why"), [
    ("is:%3Cb%3E", "is: needs unread or read or tagged, not &#39;&lt;b&gt;&#39;"),
    ("x" * 1001, "1001 characters are too many"),
])  # fmt: skip
def test_a_wrong_search_is_shown_in_the_place_of_the_list(web, search, why):
    web.keep(b"Subject: x\r\n\r\n")
    for path in ("/", "/messages/1"):
        said = web.get(f"{path}?search={search}")
        assert said.status == 200
        assert why in said.text
        assert 'class="line"' not in said.text


def test_older_ones(web):
    for _ in range(5):
        web.keep(b"")
    page = web.get("/?limit=2").text
    assert re.findall(r'href="\.(/messages/[^"?]*)', page) == ["/messages/5", "/messages/4"]
    assert 'href="?limit=102"' in page
    assert "Show older" not in web.get("/").text


def test_a_long_list_has_pages(web, monkeypatch):
    monkeypatch.setattr(message_list, "MAX_LIST", 3)
    monkeypatch.setattr(message_list, "LIST", 2)
    for _ in range(8):
        web.keep(b"")
    followed, query = [], "?search=you"
    while query:
        page = web.get(f"/{query}").text
        followed.append(re.findall(r'data-id="(\d+)"', page))
        (query,) = re.findall(r'class="more"><a href="([^"]*)"', page) or [""]
        query = html.unescape(query)
    assert followed == [["8", "7"], ["8", "7", "6"], ["5", "4", "3"], ["2", "1"]]
    page = web.get("/messages/4?search=you&start=3&limit=3").text
    assert re.findall(r'data-id="(\d+)"', page) == ["5", "4", "3", "4"]
    assert 'href="../messages/5?search=you&amp;start=3&amp;limit=3"' in page
    assert web.get("/?limit=4").status == 400


# ---- by itself


def listed(target: str = "/") -> MessageList:
    return MessageList.of(QueryParameters(target.encode(), LIST_PARAMETERS))


@pytest.mark.parametrize(("target", "address"), [
    ("/", ""), ("/?search=", ""), ("/?limit=100&start=0", ""), ("/?search=to:ann", "?search=to%3Aann"),
    ("/?start=5&search=x%20y", "?search=x+y&start=5"), ("/?limit=7", "?limit=7"), ("/?search=%C3%BC", "?search=%C3%BC"),
])  # fmt: skip
def test_the_address_of_a_list_is_short(target, address):
    made = listed(target)
    assert made.address == address
    again = listed(f"/{address}")
    assert (again.search, again.start, again.limit) == (made.search, made.start, made.limit)


def test_the_defaults():
    made = listed()
    assert (made.search, bool(made.query), made.start, made.limit) == ("", False, 0, LIST)


@pytest.mark.parametrize("target", ["/?limit=1001", "/?start=1000001", "/?limit=x", "/?other=1"])
def test_what_is_no_list(target):
    with pytest.raises(BadRequest):
        listed(target)


@pytest.mark.parametrize(("target", "found", "more"), [
    ("/", 100, ""), ("/", 101, "?limit=200"), ("/?limit=950", 2000, "?limit=1000"), ("/?limit=1000", 1000, ""),
    ("/?limit=1000", 1001, "?start=1000&limit=1000"), ("/?start=1000&limit=1000", 2500, "?start=2000&limit=1000"),
    ("/?start=50", 150, ""), ("/?start=50&search=x", 151, "?search=x&start=50&limit=200"),
])  # fmt: skip
def test_more_messages_are_a_longer_list_and_then_the_next(target, found, more):
    assert listed(target).more(found) == more
