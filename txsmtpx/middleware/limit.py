"""
Middleware that limits the mail of each client, user or sender, by a token bucket.

Mail over the limit is rejected temporarily, by 450 4.7.1 (RFC 5321 §4.2.3, RFC 3463 §3.8): an honest client retries.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from txsmtpx.arguments import checked
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.host import counted_address
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Answer, BackendLike, Clock, Connection, Eventual, Reactor, SessionLike, clock_of
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_session import MiddlewareSession

TOO_MUCH_MAIL_450 = Reply(450, (4, 7, 1), "Too much mail, try again later")
"""To MAIL or RCPT, if the client, user or sender has reached its limit."""

MAX_BUCKETS = 10_000
"""Clients, users or senders that are remembered.  Of more, the one with the oldest mail is forgotten."""

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


class Buckets:
    """
    Token buckets by name.  `LimitBackend` creates them.  A bucket is full at first, and fills again with time.

    Args:
        tokens: The tokens in a full bucket.
        seconds: The seconds in which an empty bucket becomes full.
        clock: The clock.
        most: The most buckets.

    Raises:
        ValueError: A number is not greater than 0.

    Example:
        >>> from twisted.internet.task import Clock
        >>> buckets = Buckets(1, 60, Clock())
        >>> buckets.take("192.0.2.1"), buckets.take("192.0.2.1")
        (True, False)
    """

    def __init__(self, tokens: float, seconds: float, clock: Clock, most: int = MAX_BUCKETS) -> None:
        if not (0 < tokens < math.inf and 0 < seconds < math.inf and most > 0):
            raise ValueError(f"a limit is so many in so many seconds, both more than 0, not {tokens} in {seconds}")
        self._tokens = tokens
        self._rate = tokens / seconds
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """
        Take one token.

        Args:
            name: The name of the bucket.

        Returns:
            True if there was a token.
        """
        now = self._clock.seconds()
        level, then = self._levels.pop(name, (self._tokens, now))
        level = min(self._tokens, level + (now - then) * self._rate)
        enough = level >= 1
        self._levels[name] = (level - 1 if enough else level, now)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return enough


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
        clock: The clock.  None: the global reactor.

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
        clock: Reactor | None = None,
    ) -> None:
        super().__init__(backend)
        self._whose = _BY[by] if isinstance(by, str) else by
        self._of = of
        self._buckets = Buckets(number, seconds, clock_of(clock))

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

    def count(self, what: Literal["messages", "recipients"], connection: Connection, sender: str) -> None:
        """
        Count one message or recipient.

        Args:
            what: The messages or the recipients.
            connection: The connection.
            sender: The sender.

        Raises:
            SMTPError: 450 4.7.1 if it is over the limit.
        """
        if what == self._of:
            name = self._whose(connection, sender)
            if name is not None and not self._buckets.take(name):
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
        self._limit.count("messages", self.connection, sender)
        self._sender = sender
        return self.inner.mail(sender, options)

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT: count a recipient.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The answer of the other session.
        """
        self._limit.count("recipients", self.connection, self._sender)
        return self.inner.rcpt(recipient, options)
