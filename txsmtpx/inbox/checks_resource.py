"""``/api/messages/ID/checks``: the checks of a message."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.message_checks import MessageChecks, checks_of
from txsmtpx.inbox.spam_check import SpamScore
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_resource import WebResource


class ChecksResource(WebResource):
    """
    Answer a GET without any request to other servers.  The check of links and the spam score need a POST.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
        run: One of `txsmtpx.inbox.message_checks.RUNS`, "" for the checks without a request.
    """

    def __init__(self, inbox: Inbox, name: str, run: str = "") -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name
        self._run = run

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the checks.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        checks = yield from self._checks()
        yield from json_response(request, checks.as_json())

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Check the links, or ask for the spam score.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        reject_body(request)
        checks = yield from self._checks()
        yield from json_response(request, _links(checks) if self._run == "links" else _spam(checks))

    def _checks(self) -> CooperativeWork[MessageChecks]:
        number = yield from self._inbox.number_of(self._name)
        received = yield from self._inbox.store.message(number)
        return (yield from checks_of(self._inbox, received, self._run))


def _links(checks: MessageChecks) -> dict[str, JsonValue]:
    return {
        "links": [
            {"kind": each.kind, "url": each.url, "status": each.status, "target": each.target, "error": each.error}
            for each in checks.links or ()
        ]
    }


def _spam(checks: MessageChecks) -> dict[str, JsonValue]:
    if not isinstance(checks.spam, SpamScore):
        return {"error": checks.spam}
    return {
        "program": checks.spam.program,
        "spam": checks.spam.spam,
        "score": checks.spam.score,
        "threshold": checks.spam.threshold,
        "rules": [
            {"name": each.name, "score": each.score, "description": each.description} for each in checks.spam.rules
        ],
    }
