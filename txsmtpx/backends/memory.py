"""
``memory``: keeps what it is given, the newest messages of it, for tests and for whoever wants to look at mail.

`MemoryBackend.messages` are those it has now.  `MemoryBackend.subscribe` tells of each that comes and each that goes.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal

from twisted.logger import Logger

from txsmtpx.backends.recipients import CompressedRecipients, kept_recipients
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.content.email_message import email_message
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions

log = Logger(__name__)

MAX_MESSAGES = 1000
"""Messages that are kept unless you say otherwise."""

MAX_OCTETS = 512 * 1024 * 1024
"""Octets of memory that they may take."""

OVERHEAD = 512
"""Octets of memory that a message takes besides its content, its envelope and its options."""


@dataclass(frozen=True)
class Received:
    """
    One message, as it came.

    Attributes:
        sender: The address of MAIL, "" for the null path.
        recipients: The addresses of RCPT that were accepted, in order.
        content: Its octets, header and body, dots unstuffed.
        options: Of MAIL.
        recipient_options: Of each RCPT.
        queue_id: What the reply and the logs call it.
        username: Who had logged in, None for nobody.
        peer_host: The client's IP address, "" where it has none.
        helo: What the client called itself.
        protocol: How it came, such as "ESMTPSA" (RFC 3848).
        id: Its number where it is kept: 1 for the first, no number twice, and a later message has a greater one.
        arrived: When all of it had come, in seconds since the epoch.
    """

    sender: str
    recipients: Sequence[str]
    content: bytes
    options: MailOptions
    recipient_options: Sequence[RcptOptions]
    queue_id: str
    username: str | None
    peer_host: str
    helo: str
    protocol: str
    id: int
    arrived: float

    @classmethod
    def of(cls, context: Any, content: bytes, number: int, arrived: float) -> Received:
        """``content`` with the envelope that ``context``, an `txsmtpx.IDataContext`, has for it."""
        connection = context.connection
        return cls(
            context.sender,
            kept_recipients(context.recipients),
            content,
            context.options,
            _shared(context.recipient_options),
            context.queue_id,
            connection.username,
            connection.peer_host,
            connection.helo,
            connection.with_protocol(context.options.smtputf8),
            number,
            arrived,
        )

    @property
    def message(self) -> EmailMessage:
        """
        The message, parsed when this is asked for.

        As long as something refers to the result, each call returns the same object.  After that the message is parsed
        anew, so changes to an object that was dropped are lost.
        """
        kept: weakref.ref[EmailMessage] | None = self.__dict__.get("_message")
        parsed = None if kept is None else kept()
        if parsed is None:
            parsed = email_message(self.content)
            self.__dict__["_message"] = weakref.ref(parsed)
        return parsed

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the fields, since a weak reference cannot be."""
        return {name: value for name, value in self.__dict__.items() if name != "_message"}

    @property
    def held(self) -> int:
        """Octets of memory that this takes, as `MemoryBackend` counts them: content, envelope and options."""
        envelope = (self.sender, self.recipients, self.options, self.recipient_options, self.queue_id, self.username,
                    self.peer_host, self.helo)  # fmt: skip
        return OVERHEAD + len(self.content) + sum(map(_held, envelope))


def _shared(options: Sequence[RcptOptions]) -> Sequence[RcptOptions]:
    """``options``, where one object stands for all recipients without any."""
    none = RcptOptions()
    return tuple(none if each == none else each for each in options)


def _held(value: object) -> int:
    """Octets of memory that a part of an envelope takes, with all that is in it."""
    size = sys.getsizeof(value)
    if isinstance(value, str):  # most are
        return size
    if isinstance(value, Options):
        return size + sys.getsizeof(vars(value)) + sum(map(_held, vars(value).values()))
    if isinstance(value, tuple | list | frozenset):
        return size + sum(map(_held, {id(each): each for each in value}.values()))
    return size + (value.held if isinstance(value, CompressedRecipients) else 0)


Change = Literal["arrived", "deleted"]
"""What has become of a message."""

Subscriber = Callable[[Change, Received], object]
"""Takes what has happened, and to which message."""


class MemoryBackend(OpenBackend):
    """
    Takes everything from everybody and keeps the newest: it forgets the oldest where there are too many.

    Everything here is done at once, in the thread of the reactor that serves.  `messages` and `get` may be asked
    for from any thread.

    Args:
        max_messages: As many are kept; None for any number.
        max_octets: Octets of memory that the messages may take, the newest one in any case; None for any
            number.  The content, the envelope and the options of a message count, and what `hold` adds.
        now: The time, in seconds since the epoch.

    Raises:
        ValueError: A bound is less than 1.
    """

    one_process = True

    def __init__(
        self,
        max_messages: int | None = MAX_MESSAGES,
        max_octets: int | None = MAX_OCTETS,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        for bound in (max_messages, max_octets):
            if bound is not None and bound < 1:
                raise ValueError(f"keep at least one, not {bound}")
        self._max_messages = max_messages
        self._max_octets = max_octets
        self._now = now
        self._kept: dict[int, Received] = {}
        self._held: dict[int, int] = {}
        self._octets = 0
        self._last = 0
        self._subscribers: list[Subscriber] = []
        session = _MemorySession(self)
        super().__init__(lambda connection: session)

    @property
    def messages(self) -> list[Received]:
        """Those that are kept now, in the order they were complete: the oldest first.  The list is yours."""
        return list(self._kept.values())

    def __contains__(self, number: object) -> bool:
        """Whether the message whose ``id`` is ``number`` is kept now."""
        return number in self._kept

    @property
    def numbers(self) -> list[int]:
        """The ``id`` of each message that is kept now, the oldest first.  The list is yours."""
        return list(self._kept)

    def newer(self, number: int) -> list[Received]:
        """The messages whose ``id`` is greater than ``number``, the oldest first.  The older ones are not looked at."""
        found = []
        for each in reversed(self._kept.values()):
            if each.id <= number:
                break
            found.append(each)
        return found[::-1]

    def get(self, number: int) -> Received:
        """
        The message whose ``id`` is ``number``.

        Raises:
            KeyError: There is none, or it is gone.
        """
        return self._kept[number]

    def delete(self, number: int) -> None:
        """
        Forget one message.

        Raises:
            KeyError: There is none, or it is gone.
        """
        gone = self._kept.pop(number)
        self._octets -= self._held.pop(number)
        self._tell("deleted", gone)

    def clear(self) -> None:
        """Forget all messages; the numbers go on."""
        for number in list(self._kept):
            self.delete(number)

    def subscribe(self, subscriber: Subscriber) -> None:
        """
        Tell ``subscriber`` of each message from now on: that it has "arrived", that it was "deleted".

        A message that is forgotten to make room was deleted too, right after the one it makes room for has arrived.
        When ``subscriber`` is told, `messages` shows it already.  It is called in the thread of the change; what it
        raises is logged and hurts nobody.
        """
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """
        Tell it nothing more.

        Raises:
            ValueError: It has not subscribed.
        """
        self._subscribers.remove(subscriber)

    def keep(self, content: bytes, context: Any) -> Received:
        """Keep a message, as ``data`` does with those that come: ``content`` with the envelope of ``context``."""
        self._last += 1
        received = self._kept[self._last] = Received.of(context, content, self._last, self._now())
        self._held[received.id] = 0
        self._count(received.id, received.held)
        self._tell("arrived", received)
        self._make_room()
        return received

    def hold(self, number: int, octets: int) -> None:
        """
        Count ``octets`` of memory that a subscriber keeps for the message ``number``, until that is deleted.

        This may delete the oldest messages, as a new message does.

        Args:
            octets: Less than 0 when the subscriber keeps less than before.

        Raises:
            KeyError: There is no such message, or it is gone.
        """
        self._count(number, octets)
        self._make_room()

    def _count(self, number: int, octets: int) -> None:
        self._held[number] += octets
        self._octets += octets

    def _make_room(self) -> None:
        while len(self._kept) > 1 and self._over():
            self.delete(next(iter(self._kept)))

    def _over(self) -> bool:
        too_many = self._max_messages is not None and len(self._kept) > self._max_messages
        return too_many or (self._max_octets is not None and self._octets > self._max_octets)

    def _tell(self, change: Change, received: Received) -> None:
        for subscriber in list(self._subscribers):
            try:
                subscriber(change, received)
            except Exception:
                log.failure("queue={queue} a subscriber failed", queue=received.queue_id)


def memory_backend(argument: str) -> MemoryBackend:
    """
    ``memory`` or ``memory:NUMBER``.

    Raises:
        ValueError: That is no number of messages.
    """
    if not argument:
        return MemoryBackend()
    if not asciitext.is_number(argument):
        raise ValueError(f"memory:NUMBER is how many messages are kept, not {argument!r}")
    return MemoryBackend(int(argument))


class _MemorySession(Session):
    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    async def data(self, message: Any, context: Any) -> None:
        received = self._backend.keep(await message.content(), context)
        context.note(kept=received.id)
