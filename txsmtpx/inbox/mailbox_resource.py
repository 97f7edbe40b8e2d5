"""The mailboxes in the API: ``/api/mailboxes`` and ``/api/mailboxes/NAME``."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailbox_name import mailbox_name
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_errors import BadRequest, error_body
from txsmtpx.web.web_resource import WebResource

LIST = 100
"""Mailboxes in a list, if the request has no ``limit``."""

MAX_LIST = 1000
"""The greatest ``limit``."""


class MailboxesResource(WebResource):
    """
    ``/api/mailboxes``: list the mailboxes.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the mailboxes that have a message, by name.

        Args:
            request: The request.
            parameters: ``start`` and ``limit``.

        Yields:
            The JSON in pieces.
        """
        start = parameters.number("start", 0, 1_000_000)
        found = yield from self._inbox.store.mailboxes.listed(start, parameters.number("limit", LIST, MAX_LIST))
        listed: list[JsonValue] = [each.as_json() for each in found.mailboxes]
        yield from json_response(request, {"total": found.total, "start": start, "mailboxes": listed})


class MailboxResource(WebResource):
    """
    ``/api/mailboxes/NAME``: describe one mailbox.

    Args:
        inbox: The messages.
        name: The name of the mailbox.
    """

    def __init__(self, inbox: Inbox, name: str) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the mailbox.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        try:
            name = mailbox_name(self._name)
        except BadRequest as error:
            yield error_body(request, 404, str(error))
        else:
            found = yield from self._inbox.store.mailboxes.one(name)
            yield from json_response(request, found.as_json())
