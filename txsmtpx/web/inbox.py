"""
The messages of a memory backend, as they are looked at: listed, found, opened, read and thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool

from txsmtpx.backends.memory import Change, MemoryBackend, Received
from txsmtpx.web.glance import Glance
from txsmtpx.web.letter import Letter
from txsmtpx.web.query import Query

AT_ONCE = 256 * 1024
"""Octets up to which a message is taken apart at once; a longer one in a thread, while mail goes on."""


class Inbox:
    """
    @ivar backend: what keeps the messages.
    @ivar changed: told what has happened and to which message, after the inbox itself knows it.
    """

    def __init__(self, backend: MemoryBackend, reactor: Any) -> None:
        """
        @param reactor: has the threads.
        """
        self.backend = backend
        self.changed: list[Callable[[Change, Received], object]] = []
        self._reactor = reactor
        self._glances: dict[int, Glance] = {}
        self._opened: Letter | None = None
        self._read: set[int] = set()

    def start(self) -> None:
        """Follow the backend."""
        self.backend.subscribe(self._changed)

    def stop(self) -> None:
        """Follow it no more."""
        self.backend.unsubscribe(self._changed)

    def _changed(self, change: Change, received: Received) -> None:
        if change == "deleted":
            self._glances.pop(received.id, None)
            self._read.discard(received.id)
            if self._opened is not None and self._opened.received.id == received.id:
                self._opened = None
        for each in list(self.changed):
            each(change, received)

    def glance(self, received: Received) -> Glance:
        """What a list shows of it."""
        found = self._glances.get(received.id)
        if found is None:
            found = self._glances[received.id] = Glance(received)
        return found

    def find(self, text: str = "") -> list[Received]:
        """The messages that C{text}, as L{txsmtpx.web.query} reads it, is about; the newest first."""
        query = Query(text)
        messages = self.backend.messages[::-1]
        return [each for each in messages if query.matches(self.glance(each).places)] if query else messages

    def get(self, name: str) -> Received:
        """
        The message that C{name}, its number or C{latest}, stands for.

        @raise KeyError: there is none.
        """
        if name == "latest":
            return self.backend.get(max((each.id for each in self.backend.messages), default=0))
        if not (name.isascii() and name.isdigit() and len(name) < 16):
            raise KeyError(name)
        return self.backend.get(int(name))

    def open(self, received: Received) -> Deferred[Letter]:
        """All of it.  What was opened last is at hand, for a page asks for its parts one by one."""
        if self._opened is not None and self._opened.received.id == received.id:
            return succeed(self._opened)
        if len(received.content) <= AT_ONCE:
            return succeed(self._keep(Letter(received)))
        opening: Deferred[Letter] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), Letter, received)
        return opening.addCallback(self._keep)

    def _keep(self, letter: Letter) -> Letter:
        self._opened = letter if letter.received in self else None
        return letter

    def mark_read(self, received: Received) -> None:
        """Somebody has read it, if it is still there."""
        if received in self:
            self._read.add(received.id)

    def __contains__(self, received: Received) -> bool:
        try:
            return self.backend.get(received.id) is received
        except KeyError:
            return False

    def is_read(self, received: Received) -> bool:
        """Whether somebody has."""
        return received.id in self._read

    @property
    def unread(self) -> int:
        """Messages that nobody has read."""
        return len(self.backend.messages) - len(self._read)

    def summary(self, received: Received) -> dict[str, Any]:
        """What a list shows of it, for JSON."""
        return self.glance(received).summary() | {"read": self.is_read(received)}
