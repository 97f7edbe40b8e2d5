"""
How a resource answers: at once with a few octets, or in turns, piece by piece, as fast as the client reads.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import TaskFinished, TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from txsmtpx.inbox.parser_process import Busy, MessageDeleted
from txsmtpx.inbox.query_parameters import BadRequest, QueryParameters
from txsmtpx.wire.http_site import channel_of, cooperator_of

log = Logger(__name__)

PIECE = 16 * 1024
"""Octets that are written at a time, about."""

StreamedResponse = Generator[bytes | Deferred[Any] | None, None, None]
"""
An answer in turns.  It yields octets, a Deferred to wait for it, or None, where others may have their turn.  Before the
first octets it sets the status and the header, and may raise `BadRequest`, `Busy` or `MessageDeleted`.
"""

Answer = bytes | StreamedResponse | int
"""An answer of a few octets, an answer in turns, or NOT_DONE_YET."""


class InboxResource(Resource):
    """
    A place of the site.  What is not there, and what cannot be done there, is refused in our own words.

    GET is answered by the method ``get``, and so on, given the request and its `QueryParameters`.

    Args:
        methods: Those of HTTP that there are, each with the parameters that it takes.
    """

    def __init__(self, methods: Mapping[str, Iterable[str]] | None = None) -> None:
        Resource.__init__(self)
        self._methods = methods or {}

    def getChild(self, path: bytes, request: Request) -> Resource:
        return ErrorResource(404, "There is nothing of that name.")

    def render(self, request: Request) -> bytes | int:
        method = "GET" if request.method == b"HEAD" else request.method.decode("ascii", "replace")
        if method not in self._methods:
            offered = [*self._methods, *(["HEAD"] if "GET" in self._methods else [])]
            request.setHeader("Allow", ", ".join(offered))
            return error_body(request, 405 if offered else 404, "That cannot be done here.")
        try:
            given = QueryParameters(request.uri, self._methods[method])
            answer: Answer = getattr(self, method.lower())(request, given)
        except BadRequest as error:
            return error_body(request, 400, str(error))
        if isinstance(answer, bytes | int):
            return answer
        _Writer(request, answer)
        return NOT_DONE_YET


class ErrorResource(InboxResource):
    """Says no, in a line of text or, below ``/api``, in JSON."""

    isLeaf = True

    def __init__(self, code: int, why: str) -> None:
        InboxResource.__init__(self)
        self._code = code
        self._why = why

    def render(self, request: Request) -> bytes:
        return error_body(request, self._code, self._why)


def error_body(request: Request, code: int, why: str) -> bytes:
    """What `ErrorResource` says."""
    request.setResponseCode(code)
    if request.path.startswith(b"/api"):
        request.setHeader("Content-Type", "application/json")
        return json.dumps({"error": why}, indent=2).encode("ascii") + b"\n"
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return f"{why}\n".encode("utf-8", "replace")


def set_download_headers(request: Request, content_type: str, name: str, size: int) -> None:
    """What comes is a file of ``size`` octets called ``name`` (RFC 6266), which no browser shows in place of a page."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    extended = quote(name, safe="")
    request.setHeader("Content-Type", content_type)
    request.setHeader("Content-Disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
    request.setHeader("Content-Length", str(size))


def encoded(pieces: Iterator[str | None]) -> Iterator[bytes | None]:
    """``pieces`` of text in UTF-8, many together; None goes through."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        if piece is None:
            yield None
            continue
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield "".join(held).encode("utf-8", "replace")
            held, size = [], 0
    yield "".join(held).encode("utf-8", "replace")


def slices(octets: bytes) -> Iterator[bytes]:
    """``octets``, piece by piece."""
    return (octets[at : at + PIECE] for at in range(0, len(octets), PIECE))


@implementer(IPushProducer)
class _Writer:
    """
    Writes an answer in turns, and no more of it while the client does not read.

    If the client disconnects, the answer to GET is dropped.  POST and DELETE are carried out to their end.
    """

    def __init__(self, request: Request, pieces: StreamedResponse) -> None:
        self._request = request
        self._pieces = pieces
        self._gone = False
        self._paused = False
        self._changes = request.method not in (b"GET", b"HEAD")
        self._task = cooperator_of(request).cooperate(self._written())
        self._task.whenDone().addErrback(self._failed)
        request.notifyFinish().addErrback(lambda _: self._left())
        if not self._changes:
            request.registerProducer(self, True)

    def _written(self) -> Iterator[Any]:
        for piece in self._pieces:
            if not isinstance(piece, bytes):
                yield piece
            elif not self._gone:
                self._request.write(piece)
                if self._request.method == b"HEAD":
                    break
                yield None
        self._end()

    def _end(self) -> None:
        self._pieces.close()
        if not self._gone:
            self._request.unregisterProducer()
            self._request.finish()

    def _failed(self, failure: Failure) -> None:
        self._pieces.close()
        if failure.check(TaskStopped) or self._gone:
            return
        code, why = 500, "The inbox has failed; its log says why."
        if failure.check(BadRequest):
            code, why = 400, str(failure.value)
        elif failure.check(Busy):
            code, why = 503, "Too much is going on at the same time. Try again later."
            self._request.setHeader("Retry-After", "1")
        elif failure.check(MessageDeleted):
            code, why = 404, "There is no such message."
        else:
            log.failure("a page of the inbox failed", failure)
        if self._request.startedWriting:
            channel_of(self._request).abort()
        else:
            self._request.write(error_body(self._request, code, why))
            self._request.unregisterProducer()
            self._request.finish()

    def _left(self) -> None:
        self._gone = True
        if not self._changes:
            with contextlib.suppress(TaskFinished):
                self._task.stop()

    def pauseProducing(self) -> None:
        """The client does not read."""
        if not self._paused:
            self._paused = True
            self._task.pause()

    def resumeProducing(self) -> None:
        """The client has read."""
        if self._paused:
            self._paused = False
            self._task.resume()

    def stopProducing(self) -> None:
        """The connection is gone, of which `_left` is told too."""
