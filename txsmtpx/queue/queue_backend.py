"""
The backend ``queue:URL``: it stores each message in a queue, which delivers it.

The reply 250 means that the message is on the disk (guarantee 12).  Every failure before that is 451 or 452, and the
client keeps the message.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from twisted.application.service import IService
from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.backends import next_reply
from txsmtpx.backends.envelope_fields import fields_of
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.backends.relayed import HEADER, check_hops
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.content.beginning import Beginning
from txsmtpx.dialog.extension import Extension
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.futurerelease import FUTURERELEASE
from txsmtpx.extensions.mtpriority import MT_PRIORITY
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.extensions.rrvs import RRVS
from txsmtpx.grammar import path, replies
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.options import RcptOptions
from txsmtpx.interfaces import Connection, DataContext, Message, StoreError
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.queue_url import store_of

log = Logger(__name__)

_FULL: dict[str, set[object]] = {
    "errno": {errno.ENOSPC, errno.EDQUOT, errno.EFBIG},
    "sqlite_errorcode": {sqlite3.SQLITE_FULL},
    "sqlstate": {"53100"},  # of PostgreSQL
}
"""The attributes of an error of a full disk, of the system and of databases, and their values."""


class QueueBackend(OpenBackend):
    """
    A backend that stores messages in a queue: mail of authenticated users, and mail of any client to `domains`.

    Args:
        queue: The queue.
        domains: The domains to which any client may send.

    Attributes:
        queue: As in the arguments.
        domains: As in the arguments, in the form of `txsmtpx.domain_key`.
        pools: The queue, a service that runs as long as the server.
        supports: The extensions that a queue can honour.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A domain is none.

    Example:
        ::

            queue = MailQueue(SQLiteQueueStore("queue.db"))
            factory = SMTPServerFactory(QueueBackend(queue, domains=["example.org"]))
    """

    supports: Sequence[Extension] = (DSN, REQUIRETLS, DELIVERBY, MT_PRIORITY, RRVS, FUTURERELEASE)

    @checked
    def __init__(self, queue: MailQueue, *, domains: Iterable[str] = ()) -> None:
        self.queue = queue
        self.domains: frozenset[str] = frozenset(map(domain_key, domains))
        self.pools: Sequence[IService] = (queue,)
        super().__init__(lambda connection: QueueSession(self, connection))

    async def ask(self) -> str:
        """
        Ask the store whether it can be used, for ``twistd smtpx --check``.

        Returns:
            A part of a sentence about it.

        Raises:
            StoreError: The store cannot be used.
        """
        depth = await self.queue.depth()
        await self.queue.close()
        return f"the queue has {depth.messages} {'message' if depth.messages == 1 else 'messages'}"


class QueueSession(Session):
    """
    A session whose messages go into the queue.  `QueueBackend` creates it.

    Args:
        backend: The backend.
        connection: The connection of the client.
    """

    def __init__(self, backend: QueueBackend, connection: Connection) -> None:
        self._backend = backend
        self._connection = connection

    def rcpt(self, recipient: str, options: RcptOptions) -> None:
        """
        Handle RCPT.

        Args:
            recipient: The address.
            options: The parameters.

        Raises:
            SMTPError: 550 5.7.1 if the client may not send to this recipient; 553 5.1.3 if it has no usable domain.
        """
        try:
            domain = domain_key(path.split(self._complete(recipient))[1])
        except ValueError as error:
            raise SMTPError.from_reply(next_reply.NEXT_RECIPIENT_553) from error
        if self._connection.username is None and domain not in self._backend.domains:
            raise SMTPError.from_reply(next_reply.RELAYING_DENIED_550)

    def _complete(self, recipient: str) -> str:
        """Return an address with a domain: Postmaster alone is that of this host (RFC 5321 §4.5.1)."""
        return recipient if path.split(recipient)[1] else f"{recipient}@{self._connection.domain}"

    async def data(self, message: Message, context: DataContext) -> None:
        """
        Handle DATA: store the message.

        Args:
            message: The message.
            context: The envelope.

        Raises:
            SMTPError: 451 4.3.0 if it is not stored; 452 4.3.1 if the disk is full; 554 5.4.6 for a loop.
        """
        envelope = fields_of(context, self._backend.queue.now())
        completed = [replace(each, address=self._complete(each.address)) for each in envelope.recipients]
        try:
            await self._backend.queue.store_message(
                replace(envelope, recipients=tuple(completed)), _traced(message, context)
            )
        except (StoreError, OSError) as error:
            session_id, queue_id = self._connection.session_id, context.queue_id
            log.error(
                "session={session} queue={queue} not stored: {error}", session=session_id, queue=queue_id, error=error
            )
            full = any(_is_full(each) for each in (error, error.__cause__))
            reply = disk_full_452(queue_id) if full else replies.local_error_451(queue_id)
            raise SMTPError.from_reply(reply) from error


async def _traced(message: Message, context: DataContext) -> AsyncIterator[bytes]:
    """
    Return the message with its Received field before it.

    Yields:
        Its pieces.

    Raises:
        SMTPError: 554 5.4.6 for a loop.
    """
    yield context.received()
    beginning: Beginning | None = Beginning(HEADER)
    async for chunk in message:
        if beginning is not None and beginning.add(chunk):
            check_hops(beginning)
            beginning = None
        yield chunk
    if beginning is not None:
        check_hops(beginning)


def _is_full(error: BaseException | None) -> bool:
    return any(getattr(error, name, None) in values for name, values in _FULL.items())


def queue_backend(argument: str) -> QueueBackend:
    """
    Return the backend of ``queue:URL``.

    Args:
        argument: The URL of the store, such as ``sqlite:/var/lib/txsmtpx/queue.db``.

    Returns:
        The backend.

    Raises:
        ValueError: It is no such URL, or the store cannot be used.
    """
    return QueueBackend(MailQueue(store_of(argument)))
