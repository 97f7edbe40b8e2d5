"""The backend ``inbox:PATH``: it keeps messages in a file, which the web inbox shows and searches."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.backends.received import Received
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import asciitext, replies
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_groups import NotStored
from txsmtpx.inbox.database_store import DatabaseStore
from txsmtpx.inbox.database_writer import StoreLimits
from txsmtpx.interfaces import DataContext, InThread, Message

log = Logger(__name__)

MAX_MESSAGES = 100_000
"""Messages that are kept by default."""

MAX_OCTETS = 10 * 1024**3
"""Octets of messages that are kept by default."""


class InboxBackend(OpenBackend):
    """
    A backend that accepts every message, and keeps the newest ones in a file, for the web inbox.

    The reply 250 means stored: the message is on the disk before it is sent (guarantee 12).  One process at a time may
    use a file.

    Args:
        path: The path of the file, a database of SQLite.  It is created if it does not exist.
        max_messages: The most messages that are kept; of more, the oldest are deleted.  None: no limit.
        max_octets: The most octets of all messages together.  The newest message is kept in any case.  None: no limit.
        max_age: The seconds for which a message is kept.  None: no limit.
        now: A function that returns the time, in seconds since the epoch.
        in_thread: It calls a function in a thread, such as `twisted.internet.threads.deferToThread`, one after the
            other.  None: two threads of this backend.

    Attributes:
        one_process: True: the backend knows what it has written itself.
        store: The messages, as the web inbox uses them.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The file cannot be used, or a limit is less than 1.

    Example:
        >>> backend = InboxBackend("/tmp/mail.db", max_messages=500)
    """

    one_process = True

    @checked
    def __init__(
        self,
        path: str,
        *,
        max_messages: int | None = MAX_MESSAGES,
        max_octets: int | None = MAX_OCTETS,
        max_age: float | None = None,
        now: Callable[[], float] = time.time,
        in_thread: InThread | None = None,
    ) -> None:
        if not path or "\0" in path:
            raise ValueError(f"inbox needs the path of a file: inbox:PATH, not {path!r}")
        for name, bound in (("max_messages", max_messages), ("max_octets", max_octets), ("max_age", max_age)):
            if bound is not None and bound < 1:
                raise ValueError(f"{name}: 1 or more, not {bound}")
        database_schema.check(path)
        self._path = path
        self._now = now
        limits = StoreLimits(max_messages, max_octets, max_age)
        self.store: DatabaseStore = DatabaseStore(path, limits, now, in_thread)
        session = _InboxSession(self.store, now)
        super().__init__(lambda connection: session)

    def check(self) -> None:
        """
        Check that the file can be used, for ``twistd smtpx --check``.

        Raises:
            ValueError: It cannot.
        """
        database_schema.check(self._path)


_LIMIT = re.compile(r"(.*):([a-z]+)=([^:=]*)", re.DOTALL)
_UNITS = {
    "messages": {"": 1},
    "octets": {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3},
    "age": {"s": 1, "m": 60, "h": 3600, "d": 86400},
}
"""The limits in the argument, and the factors of their units."""


def inbox_backend(argument: str) -> InboxBackend:
    """
    Return the backend of ``twistd smtpx --backend inbox:PATH``.

    Args:
        argument: The path, and limits such as ``:messages=5000``, ``:octets=2G`` and ``:age=30d``.

    Returns:
        The backend.

    Raises:
        ValueError: The file cannot be used, or a limit is wrong.
    """
    path, given = argument, {}
    while (found := _LIMIT.fullmatch(path)) and found[2] in _UNITS:
        path = found[1]
        if found[2] in given:
            raise ValueError(f"inbox: the limit {found[2]} is given twice")
        given[found[2]] = _amount(found[2], found[3])
    if not path:
        raise ValueError("inbox needs the path of a file: inbox:PATH")
    return InboxBackend(
        path,
        max_messages=given.get("messages", MAX_MESSAGES),
        max_octets=given.get("octets", MAX_OCTETS),
        max_age=given.get("age"),
    )


def _amount(name: str, text: str) -> int:
    units = _UNITS[name]
    unit = next((each for each in units if each and text.endswith(each)), "")
    number = text[: len(text) - len(unit)]
    if unit not in units or not asciitext.is_number(number) or not 0 < int(number[:18]) < 10**15:
        example = {"messages": "5000", "octets": "2G", "age": "30d"}[name]
        raise ValueError(f"inbox: {name} needs a number, 1 or more, such as {name}={example}, not {text!r}")
    return int(number) * units[unit]


class _InboxSession(Session):
    def __init__(self, store: DatabaseStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    async def data(self, message: Message, context: DataContext) -> None:
        content = await message.content()
        try:
            number = await self._store.keep(Received.of(context, content, 0, self._now()))
        except NotStored as error:
            session_id, queue_id = context.connection.session_id, context.queue_id
            log.error(
                "session={session} queue={queue} cannot store: {error}", session=session_id, queue=queue_id, error=error
            )
            reply = disk_full_452(queue_id) if error.full else replies.local_error_451(queue_id)
            raise SMTPError.from_reply(reply) from error
        context.note(kept=number)
