"""The replies of a `ScriptedServer` that are not sent yet, since one of them is delayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from txsmtpx.interfaces import Clock, clock_of


class ReplyQueue:
    """
    Replies in the order of the commands.  A delayed reply delays those after it.

    Args:
        send: The function that sends a reply.
    """

    def __init__(self, send: Callable[[str | bytes], object]) -> None:
        self._send = send
        self._waiting: deque[tuple[float, str | bytes]] = deque()
        self._timer: IDelayedCall | None = None

    def add(self, reply: str | bytes, seconds: float, transport: object) -> None:
        """
        Send a reply after those that wait.

        Args:
            reply: The reply.
            seconds: The delay after the reply before it.
            transport: The transport.  Its ``clock`` measures the delay; without one, the global reactor does.
        """
        self._waiting.append((seconds, reply))
        self._next(getattr(transport, "clock", None))

    def _next(self, clock: Clock | None) -> None:
        while self._waiting and self._timer is None:
            seconds, reply = self._waiting.popleft()
            if seconds:
                self._waiting.appendleft((0, reply))
                self._timer = clock_of(clock).callLater(seconds, self._due, clock)
            else:
                self._send(reply)

    def _due(self, clock: Clock | None) -> None:
        self._timer = None
        self._next(clock)

    def clear(self) -> None:
        """Discard the replies that wait."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
