"""The table of the API for helpers of MailHog, compared with MailHog's own."""

from __future__ import annotations

import re

from tests.docs.page import Page
from tests.inbox.documented import named, operations
from txsmtpx.inbox.mailhog_routes import mailhog_routes

OF_MAILHOG = {
    "/v1/messages": {"GET", "DELETE"},
    "/v1/messages/{id}": {"GET", "DELETE"},
    "/v1/messages/{id}/download": {"GET"},
    "/v1/messages/{id}/mime/part/{part}/download": {"GET"},
    "/v1/messages/{id}/release": {"POST"},
    "/v1/events": {"GET"},
    "/v2/messages": {"GET"},
    "/v2/search": {"GET"},
    "/v2/jim": {"GET", "POST", "PUT", "DELETE"},
    "/v2/outgoing-smtp": {"GET"},
    "/v2/websocket": {"GET"},
}
"""The paths and methods of MailHog 1.0.1."""

ABSENT = {"/v1/messages/{id}/mime/part/{part}/download", "/v1/messages/{id}/release", "/v1/events", "/v2/jim",
          "/v2/outgoing-smtp", "/v2/websocket"}  # fmt: skip

OF_MAILPIT = {"/v1/messages"}
"""What is in the other table."""


def test_paths_and_methods(web):
    table = {route.path: set(route.methods) for route in mailhog_routes(web.site.inbox)}
    assert table == {path: OF_MAILHOG[path] for path in OF_MAILHOG.keys() - ABSENT - OF_MAILPIT}


def test_the_page_has_each_operation(web):
    """Also in the other direction."""
    rows = re.findall(r"^\| MailHog \| (`GET.*?) \|", Page("docs/inbox.md").text, re.MULTILINE)
    assert named(rows) == operations(mailhog_routes(web.site.inbox)) | {("DELETE", "/v1/messages")}
