"""The table of the inbox's own API."""

from __future__ import annotations

import re

from tests.docs.page import Page
from tests.inbox.documented import named, operations
from txsmtpx.inbox.inbox_routes import inbox_routes

PAGE = Page("docs/inbox.md")


def test_the_page_has_each_operation(web):
    """Also in the other direction: the page has no operation that is not there."""
    routes = inbox_routes(web.site.inbox, web.site._events, 1)
    rows = re.findall(r"^\| (`[A-Z].*?) \|", PAGE.text, re.MULTILINE)
    assert named(rows) - {("GET", "/openapi.json")} == operations(routes) - {("GET", "")}
