"""The table of the whole API: the inbox's own paths, those for helpers of other inboxes, and their description."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

from txsmtpx.inbox.api_operation import ApiOperation, ApiResponse, ApiRoute, Schema
from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_routes import inbox_routes
from txsmtpx.inbox.inbox_schemas import SCHEMAS as INBOX_SCHEMAS
from txsmtpx.inbox.mailhog_routes import mailhog_routes
from txsmtpx.inbox.mailhog_schemas import SCHEMAS as MAILHOG_SCHEMAS
from txsmtpx.inbox.mailpit_routes import mailpit_routes
from txsmtpx.inbox.mailpit_schemas import SCHEMAS as MAILPIT_SCHEMAS
from txsmtpx.inbox.openapi_document import OpenApiResource

SCHEMAS: dict[str, Schema] = {**INBOX_SCHEMAS, **MAILPIT_SCHEMAS, **MAILHOG_SCHEMAS}
"""The schemas of all responses and bodies, by name."""

_DOCUMENT = ApiOperation(
    "GET", "Describe the API (OpenAPI 3.1).", (ApiResponse(200, "The description.", {"type": "object"}),)
)


def api_table(inbox: Inbox, events: EventStream, most_waiting: int) -> list[ApiRoute]:
    """
    Return the table of the API.

    Args:
        inbox: The messages.
        events: The resource of ``/api/events``.
        most_waiting: The number of requests that may wait for a message.

    Returns:
        The routes.
    """
    routes = [*inbox_routes(inbox, events, most_waiting), *mailpit_routes(inbox), *mailhog_routes(inbox)]
    document = partial(OpenApiResource, routes, SCHEMAS, version("txsmtpx"))
    routes.append(ApiRoute("/openapi.json", (_DOCUMENT,), document))
    return routes
