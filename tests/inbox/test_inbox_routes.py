"""The table of the inbox's own API."""

from __future__ import annotations

import re
from pathlib import Path

from txsmtpx.inbox.inbox_routes import inbox_routes

PAGE = Path(__file__).parents[2].joinpath("docs", "inbox.md").read_text(encoding="utf-8")


def test_the_page_has_each_operation(web):
    """Also in the other direction: the page has no operation that is not there."""
    routes = inbox_routes(web.site.inbox, web.site._events, 1)
    table = {(method, _comparable(route.path)) for route in routes for method in route.methods}
    rows = re.findall(r"^\| (`[A-Z].*?) \|", PAGE, re.MULTILINE)
    named = set()
    for row in rows:
        words = re.findall(r"(GET|POST|PUT|DELETE)|/api(/[^`?]*)", row)
        methods: list[str] = []
        used = False
        for method, path in words:
            if method:
                methods = [method] if used else [*methods, method]
                used = False
            else:
                named |= {(each, _comparable(path)) for each in methods}
                used = True
    assert {each for each in named if not each[1].startswith(("/v1", "/v2", "/openapi"))} == table - {("GET", "")}


def _comparable(path: str) -> str:
    return re.sub(r"\{\w+\}|\b[A-Z]+\b", "{}", path)
