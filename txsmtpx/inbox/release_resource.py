"""Messages are released by the API: ``/api/messages/release`` and ``/api/messages/ID/release``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from twisted.web.server import Request

from txsmtpx.grammar import path
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.mail_release import MAX_RECIPIENTS, MailRelease, ReleaseOutcome
from txsmtpx.inbox.message_selection import selected
from txsmtpx.web.cooperative_work import CooperativeWork, result_of
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import BadRequest, Busy, error_body
from txsmtpx.web.web_resource import WebResource

MAX_MESSAGES = 1000
"""Messages of one request."""

MAX_REQUESTS = 10
"""Requests that release messages at the same time.  Each holds one message in memory."""

OFF = "Messages cannot be released. To allow it, start the server with --release-to ENDPOINT."


class ReleaseResource(WebResource):
    """
    Release messages: send them on to real recipients.

    Args:
        inbox: The messages.
        name: The number of a message, or "latest".  None: the request selects the messages.
    """

    def __init__(self, inbox: Inbox, name: str | None = None) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Release the messages.  The outcomes are written as they come.

        Args:
            request: The request.
            parameters: ``to``: the recipients, with commas between them; without it, those of each message.
                ``keep_id=1`` keeps ``Message-ID`` and ``Date``.  Those of `selected` select messages.

        Yields:
            The JSON in pieces, and what the work yields.

        Raises:
            BadRequest: A recipient is wrong or not allowed, or too many messages are selected.
            Busy: Too many requests release messages.
        """
        reject_body(request)
        release = self._inbox.release
        if release is None:
            yield error_body(request, 403, OFF)
        else:
            yield from self._release(request, parameters, release)

    def _release(self, request: Request, parameters: QueryParameters, release: MailRelease) -> StreamedResponse:
        to, keep_id = _recipients(parameters, release), bool(parameters.number("keep_id", 0, 1))
        numbers = yield from self._numbers(parameters)
        if len(numbers) > MAX_MESSAGES:
            raise BadRequest(f"{len(numbers)} messages are too many to release at once; the limit is {MAX_MESSAGES}")
        if release.requests >= MAX_REQUESTS:
            raise Busy
        release.requests += 1
        try:
            yield from _released(request, self._inbox, release, numbers, to, keep_id)
        finally:
            release.requests -= 1

    def _numbers(self, parameters: QueryParameters) -> CooperativeWork[list[int]]:
        if self._name is None:
            return (yield from selected(self._inbox.store, parameters))
        number = yield from self._inbox.number_of(self._name)
        yield from self._inbox.store.described(number)  # which raises MessageDeleted
        return [number]


def _recipients(parameters: QueryParameters, release: MailRelease) -> list[str]:
    found = []
    for text in filter(None, (each.strip() for each in parameters.text("to").split(","))):
        try:
            address = path.parse_mailbox(text)
        except Malformed as error:
            raise BadRequest(f"to: {text[:100]!r} is not an address ({error})") from None
        if not release.is_allowed(address):
            raise BadRequest(f"to: {text[:100]} is not allowed; allowed are {release.allowed}")
        found.append(address)
    if len(found) > MAX_RECIPIENTS:
        raise BadRequest(f"to: {len(found)} recipients are too many; the limit is {MAX_RECIPIENTS}")
    if "to" in parameters and not found:
        raise BadRequest("to: this parameter needs an address; to release to those of each message, leave it out")
    return found


def _released(
    request: Request, inbox: Inbox, release: MailRelease, numbers: Sequence[int], to: Sequence[str], keep_id: bool
) -> StreamedResponse:
    request.setHeader("Content-Type", "application/json")
    yield b'{\n  "outcomes": ['
    separator, counts = b"\n    ", [0, 0]
    for number in numbers:
        for outcome in (yield from _sent(inbox, release, number, to, keep_id)):
            counts[outcome.released] += 1
            yield separator + json.dumps({"id": number} | outcome.as_json()).encode("ascii")
            separator = b",\n    "
    yield b'\n  ],\n  "released": %d,\n  "failed": %d\n}\n' % (counts[True], counts[False])


def _sent(
    inbox: Inbox, release: MailRelease, number: int, to: Sequence[str], keep_id: bool
) -> CooperativeWork[list[ReleaseOutcome]]:
    try:
        received = yield from inbox.store.message(number)
    except MessageDeleted:  # since the search
        return []
    except Busy:  # the outcomes before are written
        return [ReleaseOutcome(", ".join(to), False, "Not sent: the inbox is busy. Try again later.")]
    return (yield from result_of(release.send(received, to or received.recipients, keep_id)))
