"""Messages that the inbox parses in another process, and one that cannot be parsed."""

from __future__ import annotations

from txsmtpx.inbox.message_parser import MAX_IN_SERVER

LONG = b"Subject: long\r\nContent-Type: text/html\r\n\r\n<p>" + b"word " * MAX_IN_SERVER


def shown_by_header(web, number=1):
    """Whether a message is shown by its header and its source only."""
    one = web.json(f"/api/messages/{number}")
    assert (one["whole"], one["headers"][0], one["html"], one["parts"]) == (False, ["Subject", "long"], None, [])
    page = web.get(f"/messages/{number}")
    assert page.status == 200
    assert "Not all of this message is shown" in page.text
    assert web.get(f"/messages/{number}/frame").status == 404
    assert web.get(f"/api/messages/{number}/parts/1").status == 404
    assert web.get(f"/api/messages/{number}/source").body == web.backend.get(number).content
    return True
