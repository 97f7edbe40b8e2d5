"""The backend ``memory``: it keeps the newest messages in memory, for tests and for the web inbox."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Literal

from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.backends.received import Received
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import DataContext, Message

log = Logger(__name__)

MAX_MESSAGES = 1000
"""Messages that are kept by default."""

MAX_OCTETS = 512 * 1024 * 1024
"""Octets of memory that the messages may take by default."""


Change = Literal["arrived", "deleted"]
"""What has happened to a message."""

Subscriber = Callable[[Change, Received], object]
"""A function that is called with what has happened, and with the message."""


class MemoryBackend(OpenBackend):
    """
    A backend that accepts every message, and keeps the newest ones in memory.

    `messages` and `get` may be used in any thread; everything else only in the thread of the reactor.

    Args:
        max_messages: The most messages that are kept; of more, the oldest are deleted.  None: no limit.
        max_octets: The most octets of memory that the messages take.  The content, the envelope and the options count,
            and what `hold` adds; the newest message is kept in any case.  None: no limit.
        now: A function that returns the time, in seconds since the epoch.

    Attributes:
        one_process: True: the messages are in the memory of one process.
        now: As in the arguments.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A limit is less than 1.

    Example:
        >>> from txsmtpx.testing import Conversation
        >>> backend = MemoryBackend()
        >>> client = Conversation(backend)
        >>> replies = client.ask("HELO me", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "Hi", ".")
        >>> backend.messages[0].recipients
        ('b@example.org',)
    """

    one_process = True

    @checked
    def __init__(
        self,
        max_messages: int | None = MAX_MESSAGES,
        max_octets: int | None = MAX_OCTETS,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        for name, bound in (("max_messages", max_messages), ("max_octets", max_octets)):
            if bound is not None and bound < 1:
                raise ValueError(f"{name}: keep at least one, not {bound}")
        self._max_messages = math.inf if max_messages is None else max_messages
        self._max_octets = math.inf if max_octets is None else max_octets
        self.now: Callable[[], float] = now
        self._kept: dict[int, Received] = {}
        self._held: dict[int, int] = {}
        self._withdrawn: dict[int, Received] = {}
        self._octets = 0
        self._last = 0
        self._subscribers: list[Subscriber] = []
        session = _MemorySession(self)
        super().__init__(lambda connection: session)

    @property
    def messages(self) -> list[Received]:
        """The messages, the oldest first, in a list of the caller's own."""
        return list(self._kept.values())

    def __contains__(self, number: object) -> bool:
        """Return whether a message has this ``id``."""
        return number in self._kept

    @property
    def numbers(self) -> list[int]:
        """The ``id`` of each message, the oldest first, in a list of the caller's own."""
        return list(self._kept)

    def newer(self, number: int) -> list[Received]:
        """
        Return the messages after a number.

        Args:
            number: The ``id`` of a message, or 0.

        Returns:
            The messages with a greater ``id``, the oldest first.
        """
        found = []
        for each in reversed(self._kept.values()):
            if each.id <= number:
                break
            found.append(each)
        return found[::-1]

    def get(self, number: int) -> Received:
        """
        Return a message.

        Args:
            number: Its ``id``.

        Returns:
            The message.

        Raises:
            KeyError: There is no such message, or it was deleted.
        """
        return self._kept[number]

    def delete(self, number: int) -> None:
        """
        Delete a message.

        Args:
            number: Its ``id``.

        Raises:
            KeyError: There is no such message, or it was deleted.
        """
        gone = self._kept.pop(number)
        self._octets -= self._held.pop(number)
        self._tell("deleted", gone)

    def withdraw(self, number: int) -> None:
        """
        Delete a message, but keep it for `restore` while there is memory.  `discard` frees the memory.

        Args:
            number: Its ``id``.

        Raises:
            KeyError: There is no such message, or it was deleted.
        """
        gone = self._withdrawn[number] = self._kept.pop(number)
        self._tell("deleted", gone)

    def restore(self, numbers: Iterable[int]) -> list[int]:
        """
        Return messages of `withdraw` to their places.  To the subscribers, they have "arrived".

        Args:
            numbers: The ``id`` of each.

        Returns:
            The ``id`` of each message that is back.  The others were deleted to make room.
        """
        back = {number: self._withdrawn.pop(number) for number in sorted(numbers) if number in self._withdrawn}
        self._kept = dict(sorted((self._kept | back).items()))
        for received in back.values():
            self._tell("arrived", received)
        self._make_room()
        return list(back)

    def discard(self, number: int) -> None:
        """
        Free the memory of a message of `withdraw`.

        Args:
            number: Its ``id``.  If there is no such message, nothing happens.
        """
        if self._withdrawn.pop(number, None) is not None:
            self._octets -= self._held.pop(number)

    def clear(self) -> None:
        """Delete all messages.  The numbers continue."""
        for number in list(self._kept):
            self.delete(number)

    def subscribe(self, subscriber: Subscriber) -> None:
        """
        Call a function for each message from now on that has "arrived" or was "deleted".

        A message that is deleted to make room is "deleted" right after the new one has "arrived".  The function is
        called after `messages` has changed, in the same thread.  Its exceptions are logged.

        Args:
            subscriber: The function.
        """
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """
        Stop calling a function.

        Args:
            subscriber: The function.

        Raises:
            ValueError: It has not subscribed.
        """
        self._subscribers.remove(subscriber)

    def keep(self, content: bytes, context: DataContext) -> Received:
        """
        Keep a message, as the sessions do.

        Args:
            content: The octets of the message.
            context: The envelope.

        Returns:
            The message.
        """
        self._last += 1
        received = self._kept[self._last] = Received.of(context, content, self._last, self.now())
        octets = self._held[received.id] = received.held
        self._octets += octets
        self._tell("arrived", received)
        self._make_room()
        return received

    def hold(self, number: int, octets: int) -> None:
        """
        Count memory that a subscriber uses for a message.  This may delete the oldest messages, as a new one does.

        Args:
            number: The ``id`` of the message.
            octets: The octets; less than 0 if the subscriber uses less than before.

        Raises:
            KeyError: There is no such message, or it was deleted.
        """
        self._held[number] += octets
        self._octets += octets
        self._make_room()

    def _make_room(self) -> None:
        while self._withdrawn and self._octets > self._max_octets:
            self.discard(next(iter(self._withdrawn)))
        while len(self._kept) > 1 and (len(self._kept) > self._max_messages or self._octets > self._max_octets):
            self.delete(next(iter(self._kept)))

    def _tell(self, change: Change, received: Received) -> None:
        for subscriber in list(self._subscribers):
            try:
                subscriber(change, received)
            except Exception:
                log.failure("queue={queue} a subscriber failed", queue=received.queue_id)


def memory_backend(argument: str) -> MemoryBackend:
    """
    Return the backend of ``twistd smtpx --backend memory``.

    Args:
        argument: The most messages; ``""`` for the default.

    Returns:
        The backend.

    Raises:
        ValueError: The argument is not a number.
    """
    return MemoryBackend(memory_limit("memory", argument))


def memory_limit(name: str, argument: str) -> int:
    """
    Return the most messages that a backend of the command keeps.

    Args:
        name: The name of the backend.
        argument: The number; ``""`` for `MAX_MESSAGES`.

    Returns:
        The number.

    Raises:
        ValueError: The argument is not a number.
    """
    if not argument:
        return MAX_MESSAGES
    if not asciitext.is_number(argument) or not int(argument[:30]):
        raise ValueError(f"{name}:NUMBER is the number of messages that are kept, 1 or more, not {argument!r}")
    return int(argument)


class _MemorySession(Session):
    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    async def data(self, message: Message, context: DataContext) -> None:
        received = self._backend.keep(await message.content(), context)
        context.note(kept=received.id)
