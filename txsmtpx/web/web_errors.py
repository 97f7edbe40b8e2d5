"""The errors of a web site, and the response to a request that fails."""

from __future__ import annotations

import json

from twisted.web.server import Request

_TOP = (b"api", b"messages", b"static")


class BadRequest(ValueError):
    """
    Report a request that is wrong.  The response has the text of the exception.

    Attributes:
        code: The status code of the response.

    Args:
        text: What is wrong, and what to do.
        code: See the attributes.
    """

    def __init__(self, text: str, code: int = 400) -> None:
        super().__init__(text)
        self.code = code


class Busy(Exception):
    """Report that a limit on concurrent work is reached.  The response is 503; the client may try again."""


class NotFound(Exception):
    """
    Report that there is nothing of this name, or not any more.  The response is 404 with the text of the exception.

    Args:
        text: What there is not.
    """

    def __init__(self, text: str = "There is no such message.") -> None:
        super().__init__(text)


def error_body(request: Request, code: int, text: str) -> bytes:
    """
    Set the status and the type of an error response, and return its body.

    Args:
        request: The request that failed.
        code: The status code (RFC 9110 §15).
        text: One line for the client.

    Returns:
        JSON for paths of the API, plain text for all others.
    """
    request.setResponseCode(code)
    # The path of the site may be in front.
    if next((each for each in request.path.split(b"/") if each in _TOP), b"") == b"api":
        request.setHeader("Content-Type", "application/json")
        return json.dumps({"error": text}, indent=2).encode("ascii") + b"\n"
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return f"{text}\n".encode("utf-8", "replace")
