"""The table of the API of a queue: its paths, their operations, and the resources that handle them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version

from txsmtpx.queue.queue_store import Change
from txsmtpx.queue_web.queue_administration import QueueAdministration
from txsmtpx.queue_web.queue_resources import (
    LIST,
    MAX_LIST,
    MAX_NUMBER,
    MAX_SOURCE,
    SOURCE,
    CountsResource,
    FlushResource,
    QueueChangeResource,
    QueuedMessageChangeResource,
    QueuedMessageResource,
    QueuedMessagesResource,
    QueuedSourceResource,
    QueuePathsResource,
)
from txsmtpx.queue_web.queue_schemas import SCHEMAS
from txsmtpx.queue_web.requested_selection import STATES
from txsmtpx.web.api_operation import NUMBER, TEXT, ApiOperation, ApiParameter, ApiResponse, ApiRoute, Schema, named
from txsmtpx.web.openapi_document import ApiTitle, OpenApiResource
from txsmtpx.web.site_name import SiteName

QUEUE = SiteName("queue", "queue-web")
"""The name of the site."""

DESCRIPTION = (
    "The messages that wait for their delivery. A message is delivered to each recipient by itself. "
    "An unknown parameter or field is an error."
)

_CHANGES: Mapping[Change, str] = {
    "retry": "Try recipients that wait, now.",
    "hold": "Stop attempts to recipients until they are released.",
    "release": "Release recipients that are held. They are tried now.",
    "delete": "Delete recipients, without a report to the sender.",
}
_EMPTY: Schema = {"type": "object", "additionalProperties": False}

_MISSING = ApiResponse(404, "The queue has no such message.", named("Error"))
_CHANGED = ApiResponse(200, "The number of recipients that were changed.", named("Changed"))
_FILTERS = (
    ApiParameter("sender", "The address of the sender; empty for the null reverse-path.", TEXT),
    ApiParameter("recipient", "The address of a recipient, or @example.org for those of a domain.", TEXT),
    ApiParameter("destination", "The domain, or the route, to which the mail goes.", TEXT),
    ApiParameter("state", "The state of the recipients.", {"enum": list(STATES)}),
)
_LIMIT = ApiParameter("limit", f"The number of messages; {LIST} without it.", {**NUMBER, "maximum": MAX_LIST})
_AFTER = ApiParameter("after", "The value of next in the list before.", {**NUMBER, "maximum": MAX_NUMBER})
_OCTETS = ApiParameter("limit", f"The most octets; {SOURCE} without it.", {**NUMBER, "maximum": MAX_SOURCE})


def _json(name: str, description: str) -> ApiResponse:
    return ApiResponse(200, description, named(name))


def queue_routes(administration: QueueAdministration) -> list[ApiRoute]:
    """
    Return the table of the API.

    Args:
        administration: The queue.

    Returns:
        The routes.
    """
    routes = [
        ApiRoute("", (ApiOperation("GET", "List the paths.", (_json("Paths", "The paths."),)),), QueuePathsResource),
        ApiRoute(
            "/queue",
            (ApiOperation("GET", "Count what is in the queue.", (_json("QueueCounts", "The counts."),)),),
            partial(CountsResource, administration),
        ),
        ApiRoute(
            "/queue/messages",
            (
                ApiOperation(
                    "GET",
                    "List messages, the oldest first, each with the recipients that are selected.",
                    (_json("QueuedMessageList", "The messages, and the value of after for the next list."),),
                    (*_FILTERS, _LIMIT, _AFTER),
                ),
            ),
            partial(QueuedMessagesResource, administration),
        ),
        *_message_routes(administration),
        *[
            ApiRoute(
                f"/queue/{change}",
                (ApiOperation("POST", text, (_CHANGED,), body=named("Selection"), needs_body=True),),
                partial(QueueChangeResource, administration, change),
            )
            for change, text in _CHANGES.items()
        ],
        ApiRoute(
            "/queue/flush",
            (ApiOperation("POST", "Try all recipients that wait, now.", (_CHANGED,), body=_EMPTY),),
            partial(FlushResource, administration),
        ),
    ]
    title = ApiTitle(QUEUE, "The queue of txsmtpx", DESCRIPTION, version("txsmtpx"))
    document = ApiOperation(
        "GET", "Describe the API (OpenAPI 3.1).", (ApiResponse(200, "The description.", {"type": "object"}),)
    )
    routes.append(ApiRoute("/openapi.json", (document,), partial(OpenApiResource, routes, SCHEMAS, title)))
    return routes


def _message_routes(administration: QueueAdministration) -> list[ApiRoute]:
    described = _json("QueuedMessageDetail", "The message, with its envelope and all recipients.")
    source = ApiResponse(200, "The octets.", content_type="message/rfc822")
    return [
        ApiRoute(
            "/queue/messages/{id}",
            (
                ApiOperation("GET", "Describe one message.", (described, _MISSING)),
                ApiOperation("DELETE", "Delete one message, without a report to the sender.", (_CHANGED, _MISSING),
                             body=_EMPTY),
            ),
            partial(QueuedMessageResource, administration),
        ),
        ApiRoute(
            "/queue/messages/{id}/source",
            (ApiOperation("GET", "Download the octets of a message.", (source, _MISSING), (_OCTETS,)),),
            partial(QueuedSourceResource, administration),
        ),
        *[
            ApiRoute(
                f"/queue/messages/{{id}}/{change}",
                (ApiOperation("POST", text, (_CHANGED, _MISSING), body=_EMPTY),),
                partial(QueuedMessageChangeResource, administration, change),
            )
            for change, text in _CHANGES.items()
            if change != "delete"
        ],
    ]  # fmt: skip
