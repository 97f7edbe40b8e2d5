"""The table of the API for helpers of MailHog.  ``DELETE /api/v1/messages`` is in that of Mailpit, which has it too."""

from __future__ import annotations

from functools import partial

from txsmtpx.inbox.api import SourceResource
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailhog_resource import KINDS, MAX_LIST, MailhogMessageResource, MailhogMessagesResource
from txsmtpx.inbox.mailpit_routes import DONE
from txsmtpx.web.api_operation import (
    NUMBER,
    TEXT,
    ApiOperation,
    ApiParameter,
    ApiResponse,
    ApiRoute,
    named,
)

_MISSING = ApiResponse(404, "There is no such message.", named("Error"))
_LISTED = (ApiResponse(200, "The messages with their contents.", named("MailhogMessages")),)
_MAILBOX = ApiParameter("mailbox", "The name of a mailbox. Without it, all messages.", TEXT)
_START = ApiParameter("start", "The number of messages to skip.", NUMBER)
_LIMIT = ApiParameter("limit", f"The number of messages. A number above {MAX_LIST} counts as {MAX_LIST}.", NUMBER)
_KIND = ApiParameter("kind", "Where to search.", {"enum": list(KINDS)}, required=True)
_QUERY = ApiParameter("query", "A phrase.", TEXT, required=True)


def mailhog_routes(inbox: Inbox) -> list[ApiRoute]:
    """
    Return the table of the API for helpers of MailHog.

    Args:
        inbox: The messages.

    Returns:
        The routes.
    """
    return [
        ApiRoute(
            "/v2/messages",
            (ApiOperation("GET", "MailHog: list messages.", _LISTED, (_START, _LIMIT, _MAILBOX)),),
            partial(MailhogMessagesResource, inbox),
        ),
        ApiRoute(
            "/v2/search",
            (
                ApiOperation(
                    "GET", "MailHog: search messages.", _LISTED, (_KIND, _QUERY, _START, _LIMIT, _MAILBOX)
                ),
            ),
            partial(MailhogMessagesResource, inbox, search=True),
        ),
        ApiRoute(
            "/v1/messages/{id}",
            (
                ApiOperation(
                    "GET",
                    "MailHog: describe a message.",
                    (ApiResponse(200, "The message.", named("MailhogMessage")), _MISSING),
                ),
                ApiOperation(
                    "DELETE",
                    "MailHog: delete a message.",
                    (DONE, _MISSING),
                ),
            ),
            partial(MailhogMessageResource, inbox),
        ),
        ApiRoute(
            "/v1/messages/{id}/download",
            (
                ApiOperation(
                    "GET",
                    "MailHog: download the octets of a message.",
                    (ApiResponse(200, "The octets.", content_type="message/rfc822"), _MISSING),
                ),
            ),
            partial(SourceResource, inbox),
        ),
    ]
