"""The table of the whole API: the inbox's own paths, those for helpers of other inboxes, and their description."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_routes import inbox_routes
from txsmtpx.inbox.inbox_schemas import SCHEMAS as INBOX_SCHEMAS
from txsmtpx.inbox.mailhog_routes import mailhog_routes
from txsmtpx.inbox.mailhog_schemas import SCHEMAS as MAILHOG_SCHEMAS
from txsmtpx.inbox.mailpit_routes import mailpit_routes
from txsmtpx.inbox.mailpit_schemas import SCHEMAS as MAILPIT_SCHEMAS
from txsmtpx.web.api_operation import ApiOperation, ApiResponse, ApiRoute, Schema
from txsmtpx.web.openapi_document import ApiTitle, OpenApiResource
from txsmtpx.web.site_name import SiteName

SCHEMAS: dict[str, Schema] = {**INBOX_SCHEMAS, **MAILPIT_SCHEMAS, **MAILHOG_SCHEMAS}
"""The schemas of all responses and bodies, by name."""

INBOX = SiteName("inbox", "web")
"""The name of the site."""

DESCRIPTION = (
    "The web inbox shows mail that was caught. Paths below /api/v1 and /api/v2 are for helpers of Mailpit and MailHog. "
    "An unknown parameter or field is an error."
)

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
    title = ApiTitle(INBOX, "The web inbox of txsmtpx", DESCRIPTION, version("txsmtpx"))
    document = partial(OpenApiResource, routes, SCHEMAS, title)
    routes.append(ApiRoute("/openapi.json", (_DOCUMENT,), document))
    return routes
