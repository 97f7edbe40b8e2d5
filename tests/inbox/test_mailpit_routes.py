"""The table of the API for helpers of Mailpit, compared with Mailpit's own."""

from __future__ import annotations

import re

from tests.docs.page import Page
from tests.inbox.documented import named, operations
from txsmtpx.inbox.mailpit_routes import mailpit_routes

OF_MAILPIT = {
    "/v1/messages": {"GET", "PUT", "DELETE"},
    "/v1/search": {"GET", "DELETE"},
    "/v1/send": {"POST"},
    "/v1/tags": {"GET", "PUT"},
    "/v1/tags/{}": {"PUT", "DELETE"},
    "/v1/message/{}": {"GET"},
    "/v1/message/{}/headers": {"GET"},
    "/v1/message/{}/raw": {"GET"},
    "/v1/message/{}/part/{}": {"GET"},
    "/v1/message/{}/part/{}/thumb": {"GET"},
    "/v1/message/{}/release": {"POST"},
    "/v1/message/{}/html-check": {"GET"},
    "/v1/message/{}/link-check": {"GET"},
    "/v1/message/{}/sa-check": {"GET"},
    "/v1/info": {"GET"},
    "/v1/webui": {"GET"},
    "/v1/swagger.json": {"GET"},
    "/v1/chaos": {"GET", "PUT"},
}
"""The paths and methods of Mailpit 1.30.5."""

ABSENT = {"/v1/send", "/v1/message/{}/part/{}/thumb", "/v1/message/{}/release", "/v1/message/{}/html-check",
          "/v1/message/{}/link-check", "/v1/message/{}/sa-check", "/v1/webui", "/v1/swagger.json"}  # fmt: skip


def test_paths_and_methods(web):
    names = ("{id}", "{part}", "{tag}")
    table = {}
    for route in mailpit_routes(web.site.inbox):
        path = route.path
        for name in names:
            path = path.replace(name, "{}")
        table[path] = set(route.methods)
    assert table == {path: methods for path, methods in OF_MAILPIT.items() if path not in ABSENT}


def test_the_page_has_each_operation(web):
    """Also in the other direction."""
    rows = re.findall(r"^\| Mailpit \| (`GET.*?) \|", Page("docs/inbox.md").text, re.MULTILINE)
    assert named(rows) == operations(mailpit_routes(web.site.inbox))
