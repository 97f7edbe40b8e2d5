"""
A server that is attacked, and what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from txsmtpx.testing import Conversation, RecordingBackend

_QUEUE_ID = re.compile(r"\b[0-9A-F]{12,}\b")
_LAST_LINE = re.compile(r"(\d{3})(?: |$)")

PATIENCE = 40
"""Seconds until all has been said: the backend takes one for each answer, refused logins take longer."""


class Suffered(NamedTuple):
    """
    What an attack did, in a form that two of them can be compared by.

    Attributes:
        replies: All of them, but for queue ids.
        closed: Whether the server has hung up.
        asked: Of the backend, (method, word).
        messages: What it got.
    """

    replies: tuple[str, ...]
    closed: bool
    asked: tuple[tuple[str, Any], ...]
    messages: tuple[bytes, ...]

    @property
    def codes(self) -> str:
        """The codes of the replies, and whether it was the end."""
        said = [match[1] for line in self.replies if (match := _LAST_LINE.match(line))]
        return " ".join([*said, *["closed"] * self.closed])


class Slow(RecordingBackend):
    """A backend that takes a second for everything."""

    def __init__(self, users: Any, clock: Clock) -> None:
        super().__init__(users)
        self._clock = clock

    def asked(self, method: str, *arguments: Any) -> Any:
        self.calls.append((method, *arguments))
        return deferLater(self._clock, 1)

    def login(self, connection: Any, username: str, password: str) -> Any:
        waiting: Deferred[Any] = deferLater(self._clock, 1)
        return waiting.addCallback(lambda _: super(Slow, self).login(connection, username, password))

    async def keep(self, message: Any, context: Any, outcome: Any = None) -> Any:
        await deferLater(self._clock, 1)
        return await super().keep(message, context, outcome)


def suffer(
    segments: Iterable[bytes],
    conversation: Any = Conversation,
    slow: bool = False,
    half_closes: bool = False,
    **settings: Any,
) -> Suffered:
    """
    Let a server of its own have ``segments``.

    Args:
        slow: Its backend takes its time.
        half_closes: The client shuts down its sending side then.
    """
    clock, backends = Clock(), Clock()
    users = {"user": "secret"}
    backend = Slow(users, backends) if slow else RecordingBackend(users)
    client = conversation(backend, clock=clock, **settings)
    for segment in segments:
        client.send(segment)
    if half_closes:
        client.protocol.readConnectionLost()
    while any(call.getTime() <= PATIENCE for each in (clock, backends) for call in each.getDelayedCalls()):
        clock.advance(1)
        backends.advance(1)
    replies = client.replies()
    closed = client.closed
    client.hang_up()
    backends.pump([1] * 3)  # reset and logout take their time too
    assert all(session.logouts == 1 for session in backend.sessions)
    return Suffered(
        tuple(_QUEUE_ID.sub("{id}", reply) for reply in replies),
        closed,
        tuple((method, arguments[0] if method in ("mail", "rcpt") else None) for method, *arguments in backend.calls),
        tuple(message.content for message in backend.messages),
    )
