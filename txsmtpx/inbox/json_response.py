"""Responses in JSON."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.web.server import Request

from txsmtpx.inbox.json_text import JsonValue, json_text
from txsmtpx.inbox.streamed_response import encoded


def json_response(request: Request, value: JsonValue) -> Iterator[bytes | None]:
    """
    Write a value as the response to a request.

    Args:
        request: The request.
        value: The value.

    Yields:
        The JSON in pieces, and None to let other work go on.
    """
    request.setHeader("Content-Type", "application/json")
    yield from encoded(json_text(value))
    yield b"\n"
