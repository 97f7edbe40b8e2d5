"""
What happens in the inbox, told as it happens (server-sent events, HTML Living Standard §9.2).
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from txsmtpx.backends.memory import Change, Received
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.query_parameters import QueryParameters
from txsmtpx.inbox.streamed_response import InboxResource, error_body

ALIVE = 20
"""Seconds between two signs of life."""

MAX_EVENT = 64 * 1024
"""Octets of an event.  A longer one, of a message to very many recipients, is told as ``missed``."""

_MISSED = b"event: missed\ndata: {}\n\n"


class EventStream(InboxResource):
    """
    ``/api/events``: ``arrived`` with what a list shows of the message, ``deleted`` with its ``id``; ``missed`` to a
    client that did not read fast enough to be told of everything.

    Args:
        most: Clients that are told.  One more is refused: 503.
    """

    def __init__(self, inbox: Inbox, clock: Any, most: int) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._inbox = inbox
        self._most = most
        self._streams: set[_Stream] = set()
        self._alive = LoopingCall(self._say_alive)
        self._alive.clock = clock

    def start(self) -> None:
        """Tell from now on."""
        self._inbox.changed.append(self._changed)
        self._alive.start(ALIVE, now=False)

    def stop(self) -> None:
        """Tell nothing more, and end."""
        self._inbox.changed.remove(self._changed)
        self._alive.stop()
        for stream in list(self._streams):
            stream.end()

    def get(self, request: Request, given: QueryParameters) -> bytes | int:
        if len(self._streams) >= self._most:
            request.setHeader("Retry-After", "1")
            return error_body(request, 503, f"{self._most} clients listen already.")
        request.setHeader("Content-Type", "text/event-stream")
        if request.method == b"HEAD":
            return b""
        stream = _Stream(request)
        self._streams.add(stream)
        request.notifyFinish().addBoth(lambda _: self._streams.discard(stream))
        request.registerProducer(stream, True)
        stream.write(b"retry: 1000\n\n")
        return NOT_DONE_YET

    def _changed(self, change: Change, received: Received) -> None:
        if self._streams:
            data = self._inbox.summary(received) if change == "arrived" else {"id": received.id}
            event = f"event: {change}\ndata: {json.dumps(data)}\n\n".encode("ascii")
            for stream in list(self._streams):
                stream.write(event if len(event) <= MAX_EVENT else _MISSED)

    def _say_alive(self) -> None:
        for stream in list(self._streams):
            stream.say_alive()


@implementer(IPushProducer)
class _Stream:
    """One client.  What it does not read is not kept for it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._paused = False
        self._missed = False

    def write(self, event: bytes) -> None:
        if self._paused:
            self._missed = True
        else:
            self._request.write(event)

    def say_alive(self) -> None:
        if not self._paused:
            self._request.write(b":\n\n")

    def end(self) -> None:
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if self._missed:
            self._missed = False
            self._request.write(_MISSED)

    def stopProducing(self) -> None:
        self._paused = True
