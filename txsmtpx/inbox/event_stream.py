"""The changes of the inbox as server-sent events (HTML Living Standard §9.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_store import StoreChange
from txsmtpx.inbox.mailbox_name import mailbox_name
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import error_body
from txsmtpx.web.web_resource import WebResource

KEEP_ALIVE = 20
"""Seconds between two comments.  The standard advises about 15, since proxies close connections that are silent."""

MAX_EVENT = 64 * 1024
"""Octets of an event.  A longer one, of a message with very many recipients, is sent as ``missed``."""

MAX_DELETED = 100
"""Messages of one change that are reported as ``deleted``.  More are reported as ``missed``, once."""

_MISSED = b"event: missed\ndata: {}\n\n"


class EventStream(WebResource):
    """
    ``/api/events``: send each change to all clients that have connected.

    The events are ``arrived`` with the description of the message, ``deleted`` with its ``id``, ``changed`` and
    ``missed``.  A client gets ``changed`` if messages were marked, or are back after a deletion was undone.  It gets
    ``missed`` if it did not read fast enough: events that it cannot take at once are not kept.  A client that follows
    one mailbox gets ``arrived`` for its messages only, and the other events for all.

    Args:
        inbox: The inbox.
        clock: It keeps the time.
        most: The number of clients.  A further client gets 503.
    """

    def __init__(self, inbox: Inbox, clock: IReactorTime, most: int) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._most = most
        self._clients: set[_Client] = set()
        self._keep_alive = LoopingCall(self._send_comments)
        self._keep_alive.clock = clock

    def start(self) -> None:
        """Subscribe to the changes of the inbox."""
        self._inbox.subscribers.append(self._changed)
        self._keep_alive.start(KEEP_ALIVE, now=False)

    def stop(self) -> None:
        """Unsubscribe from the inbox, and end all responses."""
        self._inbox.subscribers.remove(self._changed)
        self._keep_alive.stop()
        for client in list(self._clients):
            client.finish()

    def get(self, request: Request, parameters: QueryParameters) -> bytes | int:
        """
        Send the changes from now on.

        Args:
            request: The request.
            parameters: ``mailbox``: send only the messages that arrive in this mailbox.

        Returns:
            ``NOT_DONE_YET``, or the body of an error response.
        """
        name = parameters.text("mailbox")
        mailbox = mailbox_name(name) if name else ""
        if len(self._clients) >= self._most:
            request.setHeader("Retry-After", "1")
            return error_body(request, 503, f"{self._most} clients receive events already.")
        request.setHeader("Content-Type", "text/event-stream")
        if request.method == b"HEAD":
            return b""
        client = _Client(request, mailbox)
        self._clients.add(client)
        request.notifyFinish().addBoth(lambda _: self._clients.discard(client))
        request.registerProducer(client, True)
        # Browsers reconnect after a second.  Their default is a few seconds.
        client.send(b"retry: 1000\n\n")
        return NOT_DONE_YET

    def _changed(self, change: StoreChange) -> None:
        if self._clients:
            for event in _events(change):
                for client in [each for each in self._clients if each.follows(change)]:
                    client.send(event if len(event) <= MAX_EVENT else _MISSED)

    def _send_comments(self) -> None:
        for client in list(self._clients):
            client.send_comment()


def _events(change: StoreChange) -> list[bytes]:
    if change.describe is not None:
        return [_event("arrived", change.describe().as_json())]
    if change.kind != "deleted":
        return [_event("changed", {})]
    if len(change.numbers) > MAX_DELETED:
        return [_MISSED]
    return [_event("deleted", {"id": number}) for number in change.numbers]


def _event(name: str, data: Mapping[str, JsonValue]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")


@implementer(IPushProducer)
class _Client:
    """Send events to one client.  While the client does not read, events are dropped."""

    def __init__(self, request: Request, mailbox: str) -> None:
        self._request = request
        self._mailbox = mailbox
        self._paused = False
        self._missed = False

    def follows(self, change: StoreChange) -> bool:
        return change.kind != "arrived" or not self._mailbox or self._mailbox in change.mailboxes

    def send(self, event: bytes) -> None:
        if self._paused:
            self._missed = True
        else:
            self._request.write(event)

    def send_comment(self) -> None:
        if not self._paused:
            self._request.write(b":\n\n")

    def finish(self) -> None:
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
