"""The table of the API for helpers of Mailpit: the paths below ``/api/v1`` that Mailpit has too."""

from __future__ import annotations

from functools import partial

from txsmtpx.inbox.api import PartResource
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailpit_chaos_resource import MailpitChaosResource
from txsmtpx.inbox.mailpit_info_resource import MailpitInfoResource
from txsmtpx.inbox.mailpit_list_resource import MailpitMessagesResource, MailpitSearchResource
from txsmtpx.inbox.mailpit_message_resource import MailpitHeadersResource, MailpitMessageResource, MailpitRawResource
from txsmtpx.inbox.mailpit_tags_resource import MailpitTagResource, MailpitTagsResource
from txsmtpx.inbox.message_list import MAX_LIST
from txsmtpx.web.api_operation import (
    NUMBER,
    TEXT,
    ApiOperation,
    ApiParameter,
    ApiResponse,
    ApiRoute,
    named,
)

_QUERY = ApiParameter("query", "A search, as in the search field.", TEXT, required=True)
_LATEST = ApiParameter("query", "latest is the newest message that this search finds.", TEXT)
_ZONE = ApiParameter("tz", "The time zone of before: and after: in a search, such as Europe/Berlin.", TEXT)
_MAILBOX = ApiParameter("mailbox", "The name of a mailbox. Without it, all messages.", TEXT)
_START = ApiParameter("start", "The number of messages to skip.", NUMBER)
_LIMIT = ApiParameter("limit", f"The number of messages. A number above {MAX_LIST} counts as {MAX_LIST}.", NUMBER)
_DOWNLOAD = ApiParameter("dl", "1 makes the response a download.", {"enum": [0, 1]})
_ONE = (_LATEST, _ZONE, _MAILBOX)

DONE = ApiResponse(200, "It is done. Without Accept in the request, the body is empty.", content_type="text/plain")
"""The response to a change, see `txsmtpx.inbox.mailpit_query.done`."""

_MISSING = ApiResponse(404, "There is no such message.", named("Error"))


def _json(name: str, description: str) -> ApiResponse:
    return ApiResponse(200, description, named(name))


_LISTED = (_json("MailpitMessages", "The messages and their totals."),)
_TRIGGERS = (_json("MailpitTriggers", "The triggers."),)


def mailpit_routes(inbox: Inbox) -> list[ApiRoute]:
    """
    Return the table of the API for helpers of Mailpit.

    Args:
        inbox: The messages.

    Returns:
        The routes.
    """
    chaos = MailpitChaosResource(inbox.faults)
    return [
        ApiRoute(
            "/v1/info",
            (ApiOperation("GET", "Mailpit: describe the inbox.", (_json("MailpitInfo", "Facts and totals."),)),),
            partial(MailpitInfoResource, inbox),
        ),
        ApiRoute(
            "/v1/messages",
            (
                ApiOperation("GET", "Mailpit: list messages.", _LISTED, (_START, _LIMIT, _MAILBOX)),
                ApiOperation(
                    "PUT",
                    "Mailpit: mark messages as read or unread. Without IDs or Search, all.",
                    (DONE,),
                    (_ZONE, _MAILBOX),
                    named("MailpitMarks"),
                ),
                ApiOperation(
                    "DELETE",
                    "Mailpit and MailHog: delete messages. Without IDs, all.",
                    (DONE,),
                    (_MAILBOX,),
                    named("MailpitSelection"),
                ),
            ),
            partial(MailpitMessagesResource, inbox),
        ),
        ApiRoute(
            "/v1/search",
            (
                ApiOperation(
                    "GET", "Mailpit: search messages.", _LISTED, (_QUERY, _START, _LIMIT, _ZONE, _MAILBOX)
                ),
                ApiOperation(
                    "DELETE", "Mailpit: delete the messages that a search finds.", (DONE,), (_QUERY, _ZONE, _MAILBOX)
                ),
            ),
            partial(MailpitSearchResource, inbox),
        ),
        ApiRoute(
            "/v1/tags",
            (
                ApiOperation("GET", "Mailpit: list all tags.", (_json("MailpitTags", "The tags."),)),
                ApiOperation(
                    "PUT", "Mailpit: replace the tags of messages.", (DONE,), body=named("MailpitTagsToSet")
                ),
            ),
            partial(MailpitTagsResource, inbox),
        ),
        ApiRoute(
            "/v1/tags/{tag}",
            (
                ApiOperation("PUT", "Mailpit: rename a tag.", (DONE,), body=named("MailpitTagName")),
                ApiOperation("DELETE", "Mailpit: remove a tag from all messages.", (DONE,)),
            ),
            partial(MailpitTagResource, inbox),
        ),
        ApiRoute(
            "/v1/chaos",
            (
                ApiOperation("GET", "Mailpit: describe the faults on demand.", _TRIGGERS),
                ApiOperation(
                    "PUT", "Mailpit: set the faults on demand.", _TRIGGERS, body=named("MailpitTriggersToSet")
                ),
            ),
            lambda: chaos,
        ),
        *_message_routes(inbox),
    ]


def _message_routes(inbox: Inbox) -> list[ApiRoute]:
    message, headers = _json("MailpitMessage", "The message."), _json("MailpitHeaders", "The values by name.")
    return [
        ApiRoute(
            "/v1/message/{id}",
            (ApiOperation("GET", "Mailpit: describe a message, and mark it as read.", (message, _MISSING), _ONE),),
            partial(MailpitMessageResource, inbox),
        ),
        ApiRoute(
            "/v1/message/{id}/headers",
            (ApiOperation("GET", "Mailpit: describe the header of a message.", (headers, _MISSING), _ONE),),
            partial(MailpitHeadersResource, inbox),
        ),
        ApiRoute(
            "/v1/message/{id}/raw",
            (
                ApiOperation(
                    "GET",
                    "Mailpit: return the octets of a message.",
                    (ApiResponse(200, "The octets.", content_type="text/plain"), _MISSING),
                    (_DOWNLOAD, *_ONE),
                ),
            ),
            partial(MailpitRawResource, inbox),
        ),
        ApiRoute(
            "/v1/message/{id}/part/{part}",
            (
                ApiOperation(
                    "GET",
                    "Mailpit: download the decoded octets of a part.",
                    (ApiResponse(200, "The octets.", content_type="application/octet-stream, image/*"), _MISSING),
                ),
            ),
            partial(PartResource, inbox),
        ),
    ]
