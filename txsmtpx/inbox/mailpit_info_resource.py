"""Facts about the inbox for helpers of Mailpit: ``/api/v1/info``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_resource import WebResource

if sys.platform != "win32":
    import resource


class MailpitInfoResource(WebResource):
    """
    ``/api/v1/info``: describe the inbox.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the inbox.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        store, counts = self._inbox.store, self._inbox.counts
        tags = yield from store.tags.counted()  # so that the totals of a file are known
        described: dict[str, JsonValue] = {
            "Version": f"txsmtpx {version('txsmtpx')}",
            "LatestVersion": "disabled",
            "Database": "",
            "DatabaseSize": store.mailboxes.octets,
            "Messages": store.total,
            "Unread": store.unread,
            "Tags": tags,
            "RuntimeStats": {
                "Uptime": int(self._inbox.uptime),
                "Memory": _memory(),
                "MessagesDeleted": counts.deleted,
                "SMTPAccepted": counts.arrived,
                "SMTPAcceptedSize": counts.octets,
                "SMTPRejected": 0,
                "SMTPIgnored": 0,
            },
        }
        yield from json_response(request, described)


def _memory() -> int:
    """Return the memory of this process in octets; 0 where it is not known."""
    statm = Path("/proc/self/statm")  # Linux
    if sys.platform == "win32" or not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * resource.getpagesize()
