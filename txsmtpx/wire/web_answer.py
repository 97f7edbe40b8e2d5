"""The answer of a web server, and why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from txsmtpx.grammar import asciitext
from txsmtpx.setting import shown


class WebError(Exception):
    """
    A web server gave no answer that can be used: it cannot be reached, it is too slow, or its answer is malformed.

    The text says why, for the log.  It has neither the URL nor a secret.

    Example:
        >>> print(WebError("no answer within 30 seconds"))
        no answer within 30 seconds
    """


@dataclass(frozen=True)
class WebAnswer:
    """
    The answer of a web server.

    Attributes:
        status: The status, 200 to 599.
        reason: The reason phrase.
        headers: The values by name, in lower case.  The values of a header that occurs again are joined by ", ".
        body: The body.
        early: True if the answer has begun before the end of the request.  Then the server has not got all of it.

    Example:
        >>> WebAnswer(200, "OK", {"content-type": "Text/Plain; charset=utf-8"}, b"Thanks").media_type
        'text/plain'
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    early: bool = False

    @property
    def media_type(self) -> str:
        """The type of the body, such as "text/plain", without parameters; ``""`` without a Content-Type."""
        return asciitext.lower(self.headers.get("content-type", "").partition(";")[0].strip(" \t"))

    @classmethod
    def of(cls, response: IResponse, body: bytes, early: bool) -> WebAnswer:
        """
        Make an answer of Twisted's response.

        Args:
            response: The response.
            body: Its body.
            early: See the attribute.

        Returns:
            The answer.

        Raises:
            WebError: The status is none of HTTP.
        """
        status = response.code
        if not 200 <= status <= 599:
            raise WebError(f"the answer has the status {shown(status)}, which is none of HTTP")
        named = response.headers.getAllRawHeaders()
        headers = {
            asciitext.lower(name.decode("latin-1")): ", ".join(each.decode("latin-1") for each in values)
            for name, values in named
            if name != b"Content-Encoding"  # which treq has removed
        }
        return cls(status, response.phrase.decode("latin-1"), headers, body, early)


class _Collector(Protocol):
    """Collects the body of an answer."""

    def __init__(self, limit: int, closed: Callable[[], bool], done: Deferred[bytes]) -> None:
        self._limit = limit
        self._closed = closed
        self._done = done
        self._held: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._held.clear()
            self._fire(Failure(WebError(f"the answer has more than {self._limit} octets")))
        else:
            self._held.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Without a length, an answer ends with the connection.
        if reason.check(ResponseDone) or (reason.check(PotentialDataLoss) and self._closed()):
            self._fire(b"".join(self._held))
        else:
            self._fire(reason)

    def _fire(self, result: bytes | Failure) -> None:
        if not self._done.called:
            self._done.callback(cast(bytes, result))


def body_of(response: IResponse, limit: int, closed: Callable[[], bool]) -> Deferred[bytes]:
    """
    Return the body of a response.

    Args:
        response: The response.
        limit: The most octets.
        closed: Returns True if the server has closed the connection, and False if it was lost.

    Returns:
        A Deferred of the body.  It fails with `WebError` if the body is longer.
    """
    done: Deferred[bytes] = Deferred()
    response.deliverBody(cast(IProtocol, _Collector(limit, closed, done)))
    return done


def uncompressed(response: IResponse) -> IResponse:
    """
    Refuse a response with a compressed body.

    Args:
        response: The response.

    Returns:
        The response.

    Raises:
        WebError: The body is compressed.
    """
    encodings = response.headers.getRawHeaders("Content-Encoding", [])
    if any(asciitext.lower(each) != "identity" for each in encodings):
        raise WebError(f"the answer is compressed ({shown(encodings[0])}), which the request has not asked for")
    return response
