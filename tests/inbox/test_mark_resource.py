"""Messages are marked as read and unread by the API."""

from __future__ import annotations

import pytest


@pytest.fixture
def four(both):
    for n in range(4):
        both.keep(b"Subject: %b\r\n\r\n" % (b"odd" if n % 2 else b"even"))
    return both


def read(web):
    return [each["id"] for each in web.json("/api/messages")["messages"] if each["read"]]


def test_marks(four):
    for path, marked in {
        "read?ids=1": [1],
        "read?ids=2,3,99": [3, 2, 1],
        "unread?search=subject:odd": [3, 1],
        "read?search=is:unread": [4, 3, 2, 1],
        "unread": [],
        "read": [4, 3, 2, 1],
    }.items():
        said = four.ask("POST", f"/api/messages/{path}")
        assert (said.status, said.body, read(four)) == (204, b"", marked)


@pytest.mark.parametrize(
    "path", ["read?search=", "unread?ids=", "read?ids=x", "read?ids=1&search=x", "read?x=1", "read?search=is:x"]
)
def test_what_selects_nothing_is_an_error(four, path):
    assert four.ask("POST", f"/api/messages/{path}").status == 400
    assert read(four) == []


def test_only_post(four):
    for method in ("GET", "DELETE", "PUT"):
        said = four.ask(method, "/api/messages/read")
        assert (said.status, said.headers["Allow"]) == (405, "POST")
