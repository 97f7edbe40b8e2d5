"""The description of the API (OpenAPI 3.1), written from its table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twisted.web.server import Request

from txsmtpx.web.api_operation import TEXT, ApiOperation, ApiResponse, ApiRoute, Schema, named
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_name import SiteName
from txsmtpx.web.site_request import MAX_BODY, address_of
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_resource import WebResource

_VALUE = re.compile(r"\{([a-z]+)\}")
_WRONG = ApiResponse(400, "The request is wrong.", named("Error"))
_NO_LOGIN = ApiResponse(401, "The site needs a login, and the request has none.", named("Error"))
_NOT_ALLOWED = ApiResponse(403, "The host or the origin of the request is not allowed.", named("Error"))
_TOO_LONG = ApiResponse(413, f"The body has more than {MAX_BODY} octets.", named("Error"))
_NO_JSON = ApiResponse(415, "The body has another type than application/json.", named("Error"))
_BUSY = ApiResponse(503, "The site is busy. The request can be sent again.", named("Error"))


@dataclass(frozen=True)
class ApiTitle:
    """
    Introduce an API.

    Attributes:
        site: The name of its site.
        title: The title of the document.
        description: What the API is for.
        version: The version of the program.
    """

    site: SiteName
    title: str
    description: str
    version: str


class OpenApiResource(WebResource):
    """
    ``/api/openapi.json``: describe the API.

    Args:
        routes: The table of the API.
        schemas: The schemas to which it refers, by name.
        title: The introduction.
    """

    def __init__(self, routes: Sequence[ApiRoute], schemas: Mapping[str, Schema], title: ApiTitle) -> None:
        WebResource.__init__(self)
        self._routes = routes
        self._schemas = schemas
        self._title = title

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the API.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        url = f"{address_of(request).prefix}/api"
        yield from json_response(request, openapi_document(self._routes, self._schemas, self._title, url))


def openapi_document(
    routes: Sequence[ApiRoute], schemas: Mapping[str, Schema], title: ApiTitle, url: str
) -> dict[str, JsonValue]:
    """
    Describe an API.

    Args:
        routes: The table of the API.
        schemas: The schemas to which it refers, by name.
        title: The introduction.
        url: The URL of the API, to which the paths are appended.

    Returns:
        The document (OpenAPI 3.1).
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": title.title, "version": title.version, "description": title.description},
        "servers": [{"url": url}],
        "security": [{}, {"basic": []}, {"token": []}],
        "paths": {each.path or "/": _path(each) for each in routes},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": f"With {title.site.named('auth')}."},
                "token": {"type": "http", "scheme": "bearer", "description": f"With {title.site.named('tokens')}."},
            },
        },
    }


def _path(route: ApiRoute) -> dict[str, JsonValue]:
    values: list[JsonValue] = [
        {"name": name, "in": "path", "required": True, "schema": TEXT} for name in _VALUE.findall(route.path)
    ]
    described: dict[str, JsonValue] = {"parameters": values} if values else {}
    return described | {each.method.lower(): _operation(route.path, each) for each in route.operations}


def _operation(path: str, operation: ApiOperation) -> dict[str, JsonValue]:
    words = re.findall(r"[a-z0-9]+", f"{operation.method} {path}".lower())
    described: dict[str, JsonValue] = {"operationId": "_".join(words), "summary": operation.summary}
    if operation.parameters:
        described["parameters"] = [
            {
                "name": each.name,
                "in": "query",
                "description": each.description,
                "required": each.required,
                "schema": each.schema,
            }
            for each in operation.parameters
        ]
    general = [_WRONG, _NO_LOGIN, _NOT_ALLOWED, _BUSY]
    if operation.body is not None:
        needed = operation.needs_body or operation.method == "PUT"
        content: JsonValue = {"application/json": {"schema": operation.body}}
        described["requestBody"] = {"required": needed, "content": content}
        general += [_TOO_LONG, _NO_JSON]
    responses = {str(each.status): each for each in [*general, *operation.responses]}
    described["responses"] = {status: _response(responses[status]) for status in sorted(responses)}
    return described


def _response(response: ApiResponse) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {"description": response.description}
    if response.schema is not None:
        described["content"] = {"application/json": {"schema": response.schema}}
    elif response.content_type:
        described["content"] = {each: {} for each in response.content_type.split(", ")}
    return described
