"""
Responses that are written in pieces, as fast as the client reads.

Theory of operation: a resource returns a generator, `StreamedResponse`.  The site's Cooperator runs it together with
all other work.  If the client does not read, Twisted pauses the producer, and the generator waits until the client has
read.  So a slow client costs the memory of one piece, not of the whole response.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import TaskFinished, TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from txsmtpx.web.json_text import JsonValue, json_text
from txsmtpx.web.web_errors import BadRequest, Busy, NotFound, error_body
from txsmtpx.wire.http_site import channel_of, cooperator_of

log = Logger(__name__)

PIECE = 16 * 1024
"""Approximate octets of one piece."""

StreamedResponse = Generator[bytes | Deferred[None] | None, None, None]
"""
A response in pieces.

It yields octets, None to let other work go on, or a Deferred to wait for it.  It sets the status and the headers before
the first octets.  Until then it may raise `BadRequest`, `Busy` or `NotFound`.
"""


def encoded(pieces: Iterator[str | None]) -> Iterator[bytes | None]:
    """
    Encode text, and join small pieces.

    Args:
        pieces: Pieces of text, and None.

    Yields:
        Octets in UTF-8, about `PIECE` of them; None for each None.
    """
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
    """
    Cut octets into pieces.

    Args:
        octets: The octets.

    Returns:
        Pieces of `PIECE` octets.
    """
    return (octets[at : at + PIECE] for at in range(0, len(octets), PIECE))


def json_response(request: Request, value: JsonValue) -> Iterator[bytes | None]:
    """
    Respond with JSON.

    Args:
        request: The request.
        value: The value.

    Yields:
        The response in pieces.
    """
    request.setHeader("Content-Type", "application/json")
    yield from encoded(json_text(value))
    yield b"\n"


@implementer(IPushProducer)
class ResponseWriter:
    """
    Write one `StreamedResponse` to its client.  `WebResource` creates it.

    If the client disconnects, a response to GET or HEAD is dropped.  The work of POST and DELETE goes on to its end.

    Args:
        request: The request.
        response: The response.
    """

    def __init__(self, request: Request, response: StreamedResponse) -> None:
        self._request = request
        self._response = response
        self._disconnected = False
        self._paused = False
        self._changes_messages = request.method not in (b"GET", b"HEAD")
        self._task = cooperator_of(request).cooperate(self._steps())
        self._task.whenDone().addErrback(self._failed)
        request.notifyFinish().addErrback(lambda _: self._client_disconnected())
        if not self._changes_messages:
            request.registerProducer(self, True)

    def _steps(self) -> Iterator[Deferred[None] | None]:
        for piece in self._response:
            if not isinstance(piece, bytes):
                yield piece
            elif not self._disconnected:
                self._request.write(piece)
                # The first octets send the headers.  Twisted drops the body of a response to HEAD.
                if self._request.method == b"HEAD":
                    break
                yield None
        self._finish()

    def _finish(self) -> None:
        self._response.close()
        if not self._disconnected:
            self._request.unregisterProducer()
            self._request.finish()

    def _failed(self, failure: Failure) -> None:
        self._response.close()
        if failure.check(TaskStopped) or self._disconnected:
            return
        code, text = 500, "The server failed to answer. The log has the reason."
        error = failure.value
        if isinstance(error, BadRequest):
            code, text = error.code, str(error)
        elif failure.check(Busy):
            code, text = 503, "The server is busy with other requests. Try again later."
            self._request.setHeader("Retry-After", "1")
        elif isinstance(error, NotFound):
            code, text = 404, str(error)
        else:
            log.failure("cannot answer {method} {path}", failure, method=self._request.method, path=self._request.path)
        if self._request.startedWriting:
            channel_of(self._request).abort()  # so that the client sees that the response is incomplete
        else:
            self._request.write(error_body(self._request, code, text))
            self._request.unregisterProducer()
            self._request.finish()

    def _client_disconnected(self) -> None:
        self._disconnected = True
        if not self._changes_messages:
            with contextlib.suppress(TaskFinished):
                self._task.stop()

    def pauseProducing(self) -> None:
        """Pause the response, since the client does not read."""
        if not self._paused:
            self._paused = True
            self._task.pause()

    def resumeProducing(self) -> None:
        """Resume the response, since the client has read."""
        if self._paused:
            self._paused = False
            self._task.resume()

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, which ``notifyFinish`` reports too."""
