"""
How a resource answers: with JSON, with octets of a message, later, or not at all.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

log = Logger(__name__)


def as_json(request: Request, value: Any, code: int = 200) -> bytes:
    """C{value} as JSON, with the status C{code}."""
    request.setResponseCode(code)
    request.setHeader("Content-Type", "application/json")
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def download(request: Request, content_type: str, name: str, octets: bytes) -> bytes:
    """C{octets} as a file called C{name} (RFC 6266), which no browser shows in place of a page."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    extended = quote(name, safe="")
    request.setHeader("Content-Type", content_type)
    request.setHeader("Content-Disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
    return octets


def later(request: Request, body: Deferred[bytes]) -> int:
    """Answer with C{body} when it is there; when the client goes away first, it is cancelled."""
    request.notifyFinish().addErrback(lambda _: body.cancel())

    def failed(failure: Failure) -> None:
        if not failure.check(CancelledError):
            log.failure("a page of the inbox failed", failure)
            request.setResponseCode(500)
            request.finish()

    def written(octets: bytes) -> None:
        request.setHeader("Content-Length", str(len(octets)))
        request.write(octets)
        request.finish()

    body.addCallback(written).addErrback(failed)
    return NOT_DONE_YET


def nothing(request: Request) -> int:
    """Done, and there is nothing to say of it; not even that it has no octets (RFC 9110 §8.6)."""
    request.setResponseCode(204)
    request.finish()
    return NOT_DONE_YET


class Node(Resource):
    """
    A place of the site.  What is not there, and what cannot be done there, is refused in our own words.
    """

    def __init__(self) -> None:
        Resource.__init__(self)

    def getChild(self, path: bytes, request: Request) -> Resource:
        return Refusal(404, "There is nothing of that name.")

    def render(self, request: Request) -> bytes | int:
        offered = {"GET": "render_GET", "HEAD": "render_GET", "POST": "render_POST", "DELETE": "render_DELETE"}
        offered = {method: name for method, name in offered.items() if hasattr(self, name)}
        name = offered.get(request.method.decode("ascii", "replace"))
        if name is None:
            request.setHeader("Allow", ", ".join(offered))
            return refused(request, 405 if offered else 404, "That cannot be done here.")
        answer: bytes | int = getattr(self, name)(request)
        return answer


class Refusal(Node):
    """Says no, in a line of text or, below C{/api}, in JSON."""

    isLeaf = True

    def __init__(self, code: int, why: str) -> None:
        Node.__init__(self)
        self._code = code
        self._why = why

    def render(self, request: Request) -> bytes:
        return refused(request, self._code, self._why)


def refused(request: Request, code: int, why: str) -> bytes:
    """What L{Refusal} says."""
    if request.path.startswith(b"/api"):
        return as_json(request, {"error": why}, code)
    request.setResponseCode(code)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return f"{why}\n".encode()


def argument(request: Request, name: str, default: str = "") -> str:
    """One argument of the query, as text."""
    values: list[bytes] = request.args.get(name.encode("ascii"), [])
    return values[-1].decode("utf-8", "replace") if values else default


def number(request: Request, name: str, default: int, most: int) -> int:
    """
    An argument that is a number.

    @raise ValueError: it is none, or more than C{most}.
    """
    text = argument(request, name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) > most:
        raise ValueError(f"{name} is a number up to {most}, not {text[:100]!r}")
    return int(text)
