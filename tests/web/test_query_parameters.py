"""Query parameters: a wrong one is refused, and nothing happens."""

from __future__ import annotations

import pytest

from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest

NO_NUMBERS = [
    "limit=",
    "start=",
    "wait=",
    "limit=x",
    "limit=-1",
    "limit=1001",
    "start=1.5",
    "wait=301",
    "wait=%D9%A3",
    "limit=" + "1" * 99,
]


@pytest.mark.parametrize("query", NO_NUMBERS)
def test_a_number_that_is_none(web, query):
    said = web.get(f"/api/messages?{query}")
    assert said.status == 400
    assert said.json["error"].startswith(query.partition("=")[0])


WRONG = [
    "serach=x", "search", "search=x&search=y", "search=x&search=x", "search=%FF", "Search=x", "x=", "&x=&",
    "%73earch=x&search=y", "search=" + "a" * 1001, "search=" + "a+" * 21,
]  # fmt: skip

TOO_MUCH = {"search=" + "a" * 1001: "1001 characters are too many", "search=" + "a+" * 21: "21 words are too many"}

PLACES = [
    ("GET", "/api/messages"), ("DELETE", "/api/messages"), ("GET", "/api"), ("GET", "/api/messages/1"),
    ("DELETE", "/api/messages/1"), ("GET", "/api/messages/1/source"), ("GET", "/api/messages/1/parts/1"),
    ("GET", "/api/events"), ("GET", "/"), ("POST", "/"), ("GET", "/messages"), ("GET", "/messages/1"),
    ("GET", "/messages/1/text"), ("POST", "/messages/1"), ("GET", "/messages/1/frame"), ("GET", "/static/inbox.js"),
    ("HEAD", "/api/messages"),
]  # fmt: skip


PAGES_WITH_A_LIST = {("GET", "/"), ("GET", "/messages/1"), ("GET", "/messages/1/text")}
"""They have the fault of a search in place of the list, so that its reader can correct it."""


@pytest.mark.parametrize("query", WRONG)
@pytest.mark.parametrize(("method", "path"), PLACES)
def test_a_wrong_parameter_is_refused(web, method, path, query):
    """Everywhere, and nothing happens."""
    web.keep(b"Subject: x\r\n\r\n")
    said = web.ask(method, f"{path}?{query}")
    if (method, path) in PAGES_WITH_A_LIST and query in TOO_MUCH:
        assert (said.status, TOO_MUCH[query] in said.text) == (200, True)
        return
    assert said.status == 400
    if path.startswith("/api") and method != "HEAD":
        assert said.json["error"]
    assert len(web.backend.messages) == 1


@pytest.mark.parametrize("query", ["delete=all&delete=all", "delete=", "delete", "delete=ALL"])
def test_a_wrong_deletion_is_refused(web, query):
    web.keep(b"")
    assert web.ask("POST", f"/?{query}").status == 400
    assert len(web.backend.messages) == 1


# ---- by themselves


@pytest.mark.parametrize(("target", "values"), [
    (b"/", {}), (b"/?", {}), (b"/?&&", {}), (b"/?a=1&b=2", {"a": "1", "b": "2"}), (b"/?a=", {"a": ""}),
    (b"/?a=x=y", {"a": "x=y"}), (b"/?a=1+2%2B3%26", {"a": "1 2+3&"}), (b"/?%61=%C3%BC", {"a": "ü"}),
    (b"/?a=?", {"a": "?"}), (b"/?a=%", {"a": "%"}),
])  # fmt: skip
def test_read(target, values):
    parameters = QueryParameters(target, ["a", "b"])
    assert {name: parameters.text(name) for name in ("a", "b") if name in parameters} == values
    assert all(parameters.text(name) == "" for name in ("a", "b") if name not in parameters)


@pytest.mark.parametrize(("target", "text"), [
    (b"/?c=1", "c: unknown parameter; known here: a, b"), (b"/?a", "a: this parameter needs a value, as in a=VALUE"),
    (b"/?a=1&a=1", "a: this parameter is given twice"), (b"/?a=%FF", "parameters need to be UTF-8, percent-encoded"),
    (b"/?\xff=1", "parameters need to be UTF-8"), (b"/?" + b"x" * 500 + b"=", "^" + "x" * 100 + ": unknown"),
])  # fmt: skip
def test_refused(target, text):
    with pytest.raises(BadRequest, match=text):
        QueryParameters(target, ["a", "b"])


def test_a_request_that_takes_none_says_so():
    with pytest.raises(BadRequest, match=r"^a: unknown parameter; this request takes none$"):
        QueryParameters(b"/?a=1", [])


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("007", 7), ("100", 100)])
def test_a_number(text, number):
    assert QueryParameters(f"/?a={text}".encode(), ["a"]).number("a", 5, 100) == number


@pytest.mark.parametrize("text", ["101", "-1", "1.0", "", "x", "%D9%A3", "+1", "1" * 10, "1" * 10_000])
def test_no_number(text):
    with pytest.raises(BadRequest, match=r"^a: this parameter needs a whole number from 0 to 100, not '.{0,100}'$"):
        QueryParameters(f"/?a={text}".encode(), ["a"]).number("a", 5, 100)


def test_a_number_by_default():
    assert QueryParameters(b"/", ["a"]).number("a", 5, 100) == 5
