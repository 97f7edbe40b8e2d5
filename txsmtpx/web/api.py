"""
The API, for tests and programs: C{/api/messages} and what is below it.  C{docs/inbox.md} is its description.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.backends.memory import Change, Received
from txsmtpx.web.answer import Node, Refusal, argument, as_json, download, later, nothing, number, refused
from txsmtpx.web.events import Events
from txsmtpx.web.inbox import Inbox
from txsmtpx.web.letter import IMAGES, Letter

LIST = 50
"""Messages in an answer, unless it is asked for more."""

MAX_WAIT = 300
"""Seconds for which somebody may wait for a message."""


class Api(Node):
    """C{/api}: what there is."""

    def __init__(self, inbox: Inbox, events: Events, clock: Any) -> None:
        Node.__init__(self)
        self.putChild(b"messages", Messages(inbox, clock))
        self.putChild(b"events", events)

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else Node.getChild(self, path, request)

    def render_GET(self, request: Request) -> bytes:
        return as_json(request, {"messages": "/api/messages", "events": "/api/events"})


class Messages(Node):
    """C{/api/messages}: list, wait, delete all."""

    def __init__(self, inbox: Inbox, clock: Any) -> None:
        Node.__init__(self)
        self._inbox = inbox
        self._clock = clock

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path == b"":
            return self
        try:
            return OneMessage(self._inbox, self._inbox.get(path.decode("ascii", "replace")))
        except KeyError:
            return Refusal(404, "There is no such message.")

    def render_GET(self, request: Request) -> bytes | int:
        search = argument(request, "search")
        try:
            start = number(request, "start", 0, 1_000_000)
            limit = number(request, "limit", LIST, 1000)
            wait = number(request, "wait", 0, MAX_WAIT)
        except ValueError as error:
            return refused(request, 400, str(error))

        def answer(found: list[Received]) -> bytes:
            messages = [self._inbox.summary(each) for each in found[start : start + limit]]
            return as_json(request, {"total": len(found), "start": start, "messages": messages})

        found = self._inbox.find(search)
        if found or not wait:
            return answer(found)
        return later(request, _found(self._inbox, search, wait, self._clock).addCallback(answer))

    def render_DELETE(self, request: Request) -> int:
        self._inbox.backend.clear()
        return nothing(request)


class OneMessage(Node):
    """C{/api/messages/ID}: all of it, its source, its parts; delete it."""

    def __init__(self, inbox: Inbox, received: Received) -> None:
        Node.__init__(self)
        self._inbox = inbox
        self._received = received
        self.putChild(b"source", _Source(received))
        self.putChild(b"parts", _Parts(inbox, received))

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else Node.getChild(self, path, request)

    def render_GET(self, request: Request) -> bytes | int:
        opening = self._inbox.open(self._received)
        return later(request, opening.addCallback(lambda letter: as_json(request, self._described(letter))))

    def render_DELETE(self, request: Request) -> int:
        self._inbox.backend.delete(self._received.id)
        return nothing(request)

    def _described(self, letter: Letter) -> dict[str, Any]:
        received = letter.received
        return self._inbox.summary(received) | {
            "username": received.username,
            "peer_host": received.peer_host,
            "helo": received.helo,
            "protocol": received.protocol,
            "headers": letter.headers,
            "text": letter.text,
            "html": letter.html,
            "attachments": len(letter.attachments),
            "parts": [
                {
                    "number": part.number,
                    "content_type": part.content_type,
                    "disposition": part.disposition,
                    "filename": part.filename,
                    "content_id": part.content_id,
                    "size": len(part.octets),
                    "url": f"/api/messages/{received.id}/parts/{part.number}",
                }
                for part in letter.parts
            ],
        }


class _Source(Node):
    """C{/api/messages/ID/source}: the octets of the message."""

    def __init__(self, received: Received) -> None:
        Node.__init__(self)
        self._received = received

    def render_GET(self, request: Request) -> bytes:
        return download(request, "message/rfc822", f"{self._received.queue_id}.eml", self._received.content)


class _Parts(Node):
    """C{/api/messages/ID/parts/NUMBER}."""

    def __init__(self, inbox: Inbox, received: Received) -> None:
        Node.__init__(self)
        self._inbox = inbox
        self._received = received

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _OnePart(self._inbox, self._received, path)


class _OnePart(Node):
    """One part, its transfer encoding undone."""

    def __init__(self, inbox: Inbox, received: Received, name: bytes) -> None:
        Node.__init__(self)
        self._inbox = inbox
        self._received = received
        self._name = name

    def render_GET(self, request: Request) -> bytes | int:
        return later(request, self._inbox.open(self._received).addCallback(lambda letter: self._part(request, letter)))

    def _part(self, request: Request, letter: Letter) -> bytes:
        for part in letter.parts:
            if self._name == b"%d" % part.number:
                shown = part.content_type if part.content_type in IMAGES else "application/octet-stream"
                return download(request, shown, part.download_name, part.octets)
        return refused(request, 404, "There is no such part.")


def _found(inbox: Inbox, search: str, seconds: float, clock: Any) -> Deferred[list[Received]]:
    """What C{search} finds as soon as that is something, else nothing after so many C{seconds}."""

    def done() -> None:
        inbox.changed.remove(look)
        if timeout.active():
            timeout.cancel()

    def look(change: Change, received: Received) -> None:
        if found := inbox.find(search):
            done()
            waiting.callback(found)

    def too_late() -> None:
        done()
        waiting.callback([])

    waiting: Deferred[list[Received]] = Deferred(lambda _: done())
    timeout = clock.callLater(seconds, too_late)
    inbox.changed.append(look)
    return waiting
