"""The backend ``inbox:PATH``: it keeps messages in a file, which the web inbox shows and searches."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.backends.received import Received
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_groups import NotStored
from txsmtpx.inbox.database_store import DatabaseStore
from txsmtpx.inbox.inbox_settings import MAX_AGE, MAX_MESSAGES, MAX_OCTETS
from txsmtpx.inbox.store_limits import StoreLimits
from txsmtpx.interfaces import DataContext, InThread, Message

log = Logger(__name__)


class InboxBackend(OpenBackend):
    """
    A backend that accepts every message, and keeps the newest ones in a file, for the web inbox.

    The reply 250 means stored: the message is on the disk before it is sent (guarantee 12).  One process at a time may
    use a file.

    Args:
        path: The path of the file, a database of SQLite.  It is created if it does not exist.
        max_messages: The most messages that are kept; of more, the oldest are deleted.  None: no limit.
        max_octets: The most octets of all messages together.  The newest message is kept in any case.  None: no limit.
        max_age: The seconds for which a message is kept.  0: no limit.
        now: A function that returns the time, in seconds since the epoch.
        in_thread: It calls a function in a thread, such as `twisted.internet.threads.deferToThread`, one after the
            other.  None: two threads of this backend.

    Attributes:
        one_process: True: the backend knows what it has written itself.
        store: The messages, as the web inbox uses them.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The file cannot be used, or a limit is out of range.

    Example:
        >>> backend = InboxBackend("/tmp/mail.db", max_messages=500)
    """

    one_process = True

    @checked
    def __init__(
        self,
        path: str,
        *,
        max_messages: int | None = MAX_MESSAGES.default,
        max_octets: int | None = MAX_OCTETS.default,
        max_age: float = MAX_AGE.default,
        now: Callable[[], float] = time.time,
        in_thread: InThread | None = None,
    ) -> None:
        if not path or "\0" in path:
            raise ValueError(f"inbox needs the path of a file: inbox:PATH, not {path!r}")
        for setting, bound in ((MAX_MESSAGES, max_messages), (MAX_OCTETS, max_octets), (MAX_AGE, max_age)):
            if bound is not None:
                setting.check(bound)
        database_schema.check(path)
        self._path = path
        self._now = now
        limits = StoreLimits(max_messages, max_octets, max_age or None)
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
