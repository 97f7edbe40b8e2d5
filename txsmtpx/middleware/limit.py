"""
Middleware that limits the mail of each client, user or sender, by a token bucket.

Mail over the limit is rejected temporarily, by 450 4.7.1 (RFC 5321 §4.2.3, RFC 3463 §3.8): an honest client retries.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from txsmtpx.arguments import checked
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.host import counted_address
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Answer,
    BackendLike,
    Connection,
    Eventual,
    OneProcessBackend,
    Reactor,
    SessionLike,
    StoreError,
    StoreLike,
    provides,
)
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.settling import then
from txsmtpx.stores.memory_store import MemoryStore

TOO_MUCH_MAIL_450 = Reply(450, (4, 7, 1), "Too much mail, try again later")
"""To MAIL or RCPT, if the client, user or sender has reached its limit."""

NO_COUNT_451 = Reply(451, (4, 3, 0), "Rate limit unavailable, try again later")
"""To MAIL or RCPT, if the store of a limit cannot be used, and its ``on_failure`` is "defer"."""

Whose = Callable[[Connection, str], str | None]
"""A function of the connection and the sender.  It returns the name of a bucket; None if there is no limit."""


def host(connection: Connection, sender: str) -> str | None:
    """
    Return the IP address of the client, for a limit by client.

    Args:
        connection: The connection.
        sender: The sender.

    Returns:
        The address, for IPv6 its network of 64 bits (`counted_address`); None for a UNIX socket.
    """
    return counted_address(connection.peer_host) or None


def login(connection: Connection, sender: str) -> str | None:
    """
    Return the authenticated user, for a limit by user.

    Args:
        connection: The connection.
        sender: The sender.

    Returns:
        The user name; None without authentication.
    """
    return connection.username


def address(connection: Connection, sender: str) -> str | None:
    """
    Return the mailbox of the sender, for a limit by sender.

    Args:
        connection: The connection.
        sender: The sender.

    Returns:
        The mailbox (`txsmtpx.mailbox_key`); None for the null reverse-path.
    """
    return mailbox_key(sender) if sender else None


_BY: dict[str, Whose] = {"host": host, "login": login, "address": address}


class LimitBackend(Middleware):
    """
    A backend that accepts a limited number of messages or recipients.

    Args:
        backend: The other backend.
        number: The most at once, and in ``seconds``.  After that, they are available again one by one.
        seconds: The period, in seconds.
        by: The key of a limit: the client ("host"), the user ("login"), the sender ("address"), or the result of a
            function.
        of: The unit of the limit: each MAIL ("messages") or each RCPT ("recipients"), also those that ``backend``
            rejects.
        store: The store of the counts.  Processes and machines share a limit by a store that they share, such as
            `txsmtpx.stores.redis_store.RedisStore`.  None: the memory of this process.
        name: The name of the limit in the store.  ``""``: a name made of the other arguments.  A limit by a function
            in a given store needs a name.
        on_failure: The answer if the store cannot be used: "accept" passes mail without a limit, "defer" rejects it by
            451 4.3.0.
        clock: The clock of the memory of this process.  None: the global reactor.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        At most 100 messages an hour from each client:

        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import MemoryBackend
        >>> backend = LimitBackend(MemoryBackend(), 100, 3600, clock=Clock())
    """

    @checked
    def __init__(
        self,
        backend: BackendLike,
        number: float,
        seconds: float,
        *,
        by: Literal["host", "login", "address"] | Whose = "host",
        of: Literal["messages", "recipients"] = "messages",
        store: StoreLike | None = None,
        name: str = "",
        on_failure: Literal["accept", "defer"] = "accept",
        clock: Reactor | None = None,
    ) -> None:
        super().__init__(backend)
        if not (0 < number < math.inf and 0 < seconds < math.inf):
            raise ValueError(f"a limit is so many in so many seconds, both more than 0, not {number} in {seconds}")
        if store is not None and clock is not None:
            raise ValueError("a limit has a store or a clock, not both: the store has its own clock")
        if store is not None and not name and not isinstance(by, str):
            raise ValueError("a limit by a function in a store needs a name, which other limits do not have")
        self._number = number
        self._seconds = seconds
        self._whose = _BY[by] if isinstance(by, str) else by
        self._of = of
        self._store = MemoryStore(reactor=clock) if store is None else store
        self._name = name or f"{by}:{of}:{number:g}/{seconds:g}"
        self._on_failure = on_failure

    @property
    def one_process(self) -> bool:
        """True if the counts, or the mail of the other backend, are in the memory of this process."""
        inner = provides(self.backend, OneProcessBackend) and self.backend.one_process
        return inner or not self._store.shared

    def session(self, session: SessionLike, connection: Connection) -> _LimitSession:
        """
        Return a session that counts.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _LimitSession(session, connection, self)

    def count(self, what: Literal["messages", "recipients"], connection: Connection, sender: str) -> Eventual[None]:
        """
        Count one message or recipient.

        Args:
            what: The messages or the recipients.
            connection: The connection.
            sender: The sender.

        Returns:
            None; for a store that is not in memory a coroutine.

        Raises:
            SMTPError: 450 4.7.1 if it is over the limit.
        """
        if what != self._of:
            return None
        key = self._whose(connection, sender)
        return None if key is None else self._take(key)

    async def _take(self, key: str) -> None:
        try:
            wait = self._store.take(f"{self._name}:{key}", self._number, self._seconds)
            over = (wait if isinstance(wait, int | float) else await wait) > 0
        except StoreError as error:
            if self._on_failure == "defer":
                raise SMTPError.from_reply(NO_COUNT_451) from error
            return
        if over:
            raise SMTPError.from_reply(TOO_MUCH_MAIL_450)


class _LimitSession(MiddlewareSession):
    """A session that counts its messages or recipients.  `LimitBackend` creates it."""

    def __init__(self, inner: SessionLike, connection: Connection, limit: LimitBackend) -> None:
        """
        Create a session.

        Args:
            inner: The session of the other backend.
            connection: The connection.
            limit: The backend that counts.
        """
        super().__init__(inner, connection)
        self._limit = limit
        self._sender = ""

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL: count a message.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            The answer of the other session.
        """
        self._sender = sender
        counted = self._limit.count("messages", self.connection, sender)
        return then(counted, lambda _: self.inner.mail(sender, options))

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT: count a recipient.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The answer of the other session.
        """
        counted = self._limit.count("recipients", self.connection, self._sender)
        return then(counted, lambda _: self.inner.rcpt(recipient, options))
