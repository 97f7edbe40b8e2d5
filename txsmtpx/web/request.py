"""
A request to the inbox, and what it may ask of its site.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator
from twisted.web.server import Request

from txsmtpx.web.connections import InboxChannel
from txsmtpx.web.opener import Busy
from txsmtpx.web.policy import HEADERS


class InboxRequest(Request):
    """
    A request, which has no body that the inbox reads.

    It is looked at in its turn, and when the client has read the answers before it.  So requests without end, on one
    connection (pipelining, RFC 9112 §9.3.2) or on many, do not keep the server from other work.
    """

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Throw it away: it costs the sender's time, not our memory."""

    def process(self) -> None:
        """Answer, when its turn has come."""
        cooperator_of(self).cooperate(self._answered())

    def _answered(self) -> Iterator[Deferred[None] | None]:
        if self.channel is not None and channel_of(self).unread:
            yield channel_of(self).read()
        if self.channel is not None:  # the client is still there
            # What a browser has to be told even about an error.
            for name, value in HEADERS.items():
                self.responseHeaders.setRawHeaders(name, [value])
            Request.process(self)
        yield None


def channel_of(request: Request) -> InboxChannel:
    """Return the connection of a request that still has one."""
    channel = request.channel
    assert isinstance(channel, InboxChannel)
    return channel


def cooperator_of(request: Request) -> Cooperator:
    """Return what runs the work that takes turns."""
    cooperator: Cooperator = channel_of(request).site.cooperator
    return cooperator


def hold(request: Request, octets: int) -> None:
    """
    Count what the answer to a request holds, see L{txsmtpx.web.connections}.

    Raises:
        Busy: all answers together hold too much.
    """
    channel = channel_of(request)
    if not channel.site.connections.hold(channel, octets):
        raise Busy


def has_body(request: Request) -> bool:
    """Return whether the client has sent a body."""
    length = request.requestHeaders.getRawHeaders("Content-Length", ["0"])[0]
    return request.requestHeaders.hasHeader("Transfer-Encoding") or length.strip("0") != ""
