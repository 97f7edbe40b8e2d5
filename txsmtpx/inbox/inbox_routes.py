"""The table of the inbox's own API: its paths, their operations, and the resources that handle them."""

from __future__ import annotations

from functools import partial

from txsmtpx.inbox.api import MAX_WAIT, MessageResource, MessagesResource, PartResource, PathsResource, SourceResource
from txsmtpx.inbox.chaos_resource import ChaosResource
from txsmtpx.inbox.checks_resource import ChecksResource
from txsmtpx.inbox.deletion_resource import UndoResource
from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.faults import COMMANDS, MAX_SECONDS
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailbox_resource import MailboxesResource, MailboxResource
from txsmtpx.inbox.mark_resource import MarkResource
from txsmtpx.inbox.message_list import MAX_LIST
from txsmtpx.inbox.message_selection import MAX_IDS
from txsmtpx.inbox.release_resource import ReleaseResource
from txsmtpx.inbox.screenshot_resource import WIDTHS, ScreenshotResource
from txsmtpx.web.api_operation import (
    NUMBER,
    TEXT,
    ApiOperation,
    ApiParameter,
    ApiResponse,
    ApiRoute,
    Schema,
    named,
)

_MISSING = ApiResponse(404, "There is no such message.", named("Error"))
_GONE = ApiResponse(204, "It is done.")
_COMMAND: Schema = {"enum": list(COMMANDS)}

_SEARCH = ApiParameter("search", "A search, as in the search field.", TEXT)
_MAILBOX = ApiParameter("mailbox", "The name of a mailbox. Without it, all messages.", TEXT)
_IDS = ApiParameter("ids", f"Numbers of messages with commas between them, up to {MAX_IDS}.", TEXT)
_START = ApiParameter("start", "The number of entries to skip.", NUMBER)
_LIMIT = ApiParameter("limit", "The number of entries.", {**NUMBER, "maximum": MAX_LIST})
_WAIT = ApiParameter(
    "wait", "The seconds to wait for a message, if the search finds none.", {**NUMBER, "maximum": MAX_WAIT}
)
_TO = ApiParameter("to", "The recipients, with commas between them. Without it, those of the envelope.", TEXT)
_KEEP_ID = ApiParameter("keep_id", "1 keeps Message-ID and Date.", {"enum": [0, 1]})
_SELECTION = (_IDS, _SEARCH, _MAILBOX)
_FAULT = (
    ApiParameter("command", "The command that fails.", _COMMAND, required=True),
    ApiParameter("address", "A pattern of addresses.", TEXT),
    ApiParameter("share", "The share of the commands.", {"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
    ApiParameter("code", "The code of the reply.", {**NUMBER, "minimum": 400, "maximum": 599}),
    ApiParameter("text", "The text of the reply.", TEXT),
    ApiParameter("delay", "The seconds to wait.", {"type": "number", "minimum": 0, "maximum": MAX_SECONDS}),
)
_OFF = ApiResponse(403, "The operator has not turned this on.", named("Error"))


def _json(name: str, description: str) -> ApiResponse:
    return ApiResponse(200, description, named(name))


_FAULTS = (_json("Faults", "All faults."), _OFF)
_RELEASED = (_json("Outcomes", "The outcome for each recipient."), _OFF)
_DESCRIBE = ApiOperation("GET", "Describe one message.", (_json("Message", "The message."), _MISSING))
_DELETE = ApiOperation("DELETE", "Delete one message.", (_GONE, _MISSING))


def inbox_routes(inbox: Inbox, events: EventStream, most_waiting: int) -> list[ApiRoute]:
    """
    Return the table of the inbox's own API.

    Args:
        inbox: The messages.
        events: The resource of ``/api/events``.
        most_waiting: See `MessagesResource`.

    Returns:
        The routes.
    """
    return [
        ApiRoute("", (ApiOperation("GET", "List the paths.", (_json("Paths", "The paths."),)),), PathsResource),
        ApiRoute(
            "/messages",
            (
                ApiOperation(
                    "GET",
                    "List messages, the newest first, or wait for a message.",
                    (_json("MessageList", "The messages."),),
                    (_SEARCH, _MAILBOX, _START, _LIMIT, _WAIT),
                ),
                ApiOperation("DELETE", "Delete messages. Without a parameter, all.", (_GONE,), _SELECTION),
            ),
            partial(MessagesResource, inbox, most_waiting),
        ),
        ApiRoute(
            "/messages/read",
            (ApiOperation("POST", "Mark messages as read. Without a parameter, all.", (_GONE,), _SELECTION),),
            partial(MarkResource, inbox.store, read=True),
        ),
        ApiRoute(
            "/messages/unread",
            (ApiOperation("POST", "Mark messages as unread. Without a parameter, all.", (_GONE,), _SELECTION),),
            partial(MarkResource, inbox.store, read=False),
        ),
        ApiRoute(
            "/messages/release",
            (ApiOperation("POST", "Release messages.", _RELEASED, (*_SELECTION, _TO, _KEEP_ID)),),
            partial(ReleaseResource, inbox),
        ),
        *_message_routes(inbox),
        ApiRoute(
            "/deletions/{number}/undo",
            (
                ApiOperation(
                    "POST",
                    "Undo a deletion.",
                    (_GONE, ApiResponse(404, "There is no such deletion, or it is too old.", named("Error"))),
                ),
            ),
            partial(UndoResource, inbox),
        ),
        ApiRoute(
            "/chaos",
            (
                ApiOperation("GET", "List the faults on demand.", _FAULTS),
                ApiOperation("POST", "Add a fault, or change one.", _FAULTS, _FAULT),
                ApiOperation(
                    "DELETE",
                    "Delete all faults, or those of a command.",
                    _FAULTS,
                    (ApiParameter("command", "The command.", _COMMAND),),
                ),
            ),
            partial(ChaosResource, inbox.faults),
        ),
        ApiRoute(
            "/mailboxes",
            (
                ApiOperation(
                    "GET",
                    "List the mailboxes that have a message.",
                    (_json("MailboxList", "The mailboxes, by name."),),
                    (_START, _LIMIT),
                ),
            ),
            partial(MailboxesResource, inbox),
        ),
        ApiRoute(
            "/mailboxes/{name}",
            (
                ApiOperation(
                    "GET",
                    "Describe one mailbox.",
                    (
                        _json("Mailbox", "The mailbox."),
                        ApiResponse(404, "There is no such kind of mailbox.", named("Error")),
                    ),
                ),
            ),
            partial(MailboxResource, inbox),
        ),
        ApiRoute(
            "/events",
            (
                ApiOperation(
                    "GET",
                    "Follow the changes as server-sent events.",
                    (ApiResponse(200, "The events, without an end.", content_type="text/event-stream"),),
                    (_MAILBOX,),
                ),
            ),
            lambda: events,
        ),
    ]


def _message_routes(inbox: Inbox) -> list[ApiRoute]:
    return [
        ApiRoute("/messages/{id}", (_DESCRIBE, _DELETE), partial(MessageResource, inbox)),
        ApiRoute(
            "/messages/{id}/source",
            (
                ApiOperation(
                    "GET",
                    "Download the octets of a message.",
                    (ApiResponse(200, "The octets.", content_type="message/rfc822"), _MISSING),
                ),
            ),
            partial(SourceResource, inbox),
        ),
        ApiRoute(
            "/messages/{id}/parts/{part}",
            (
                ApiOperation(
                    "GET",
                    "Download the decoded octets of a part.",
                    (ApiResponse(200, "The octets.", content_type="application/octet-stream, image/*"), _MISSING),
                ),
            ),
            partial(PartResource, inbox),
        ),
        ApiRoute(
            "/messages/{id}/release",
            (ApiOperation("POST", "Release one message.", (*_RELEASED, _MISSING), (_TO, _KEEP_ID)),),
            partial(ReleaseResource, inbox),
        ),
        ApiRoute(
            "/messages/{id}/screenshot",
            (
                ApiOperation(
                    "GET",
                    "Make a picture of the HTML.",
                    (
                        ApiResponse(200, "The picture.", content_type="image/png"),
                        _MISSING,
                        ApiResponse(502, "The browser made no picture.", named("Error")),
                    ),
                    (
                        ApiParameter("width", "The width of the screen.", {"enum": list(WIDTHS)}),
                        ApiParameter("dark", "on shows the HTML on a dark screen.", {"enum": ["on"]}),
                    ),
                ),
            ),
            partial(ScreenshotResource, inbox),
        ),
        ApiRoute(
            "/messages/{id}/checks",
            (ApiOperation("GET", "Check a message.", (_json("Checks", "The checks."), _MISSING)),),
            partial(ChecksResource, inbox),
        ),
        ApiRoute(
            "/messages/{id}/checks/links",
            (ApiOperation("POST", "Check the links.", (_json("CheckedLinks", "The answers."), _MISSING)),),
            partial(ChecksResource, inbox, run="links"),
        ),
        ApiRoute(
            "/messages/{id}/checks/spam",
            (ApiOperation("POST", "Ask for the spam score.", (_json("SpamScore", "The score."), _MISSING)),),
            partial(ChecksResource, inbox, run="spam"),
        ),
    ]
