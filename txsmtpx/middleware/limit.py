"""
Middleware that limits how much mail comes from one client, user or sender: a token bucket for each.

What is too much is refused for now, 450 4.7.1 (RFC 5321 §4.2.3, RFC 3463 §3.8), so that an honest client tries again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.interfaces import IReactorTime

from txsmtpx.errors import SMTPError
from txsmtpx.grammar.host import counted_address
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection
from txsmtpx.middleware.middleware import Middleware, MiddlewareSession

TOO_MUCH_MAIL_450 = Reply(450, (4, 7, 1), "Too much mail, try again later")

MAX_BUCKETS = 10_000
"""Clients, users or senders that are kept in mind; of more, the one that was silent for longest is forgotten."""

Whose = Callable[[Connection, str], str | None]
"""The connection and the sender to the name that a bucket goes by; None where there is no limit."""


def host(connection: Connection, sender: str) -> str | None:
    """
    The client's IP address, of IPv6 the network of 64 bits (`counted_address`); for a UNIX socket there is no limit.
    """
    return counted_address(connection.peer_host) or None


def login(connection: Connection, sender: str) -> str | None:
    """The user's name; for those who have not logged in there is no limit."""
    return connection.username


def address(connection: Connection, sender: str) -> str | None:
    """The sender's mailbox (`txsmtpx.mailbox_key`); for bounces there is no limit."""
    return mailbox_key(sender) if sender else None


_BY: dict[str, Whose] = {"host": host, "login": login, "address": address}


class Buckets:
    """
    Each name has a bucket, full at first, from which tokens are taken, and which fills again as time goes by.

    Args:
        tokens: In a full bucket.
        seconds: In which an empty one is full again.
        most: Buckets that are kept.

    Raises:
        ValueError: One of them is not positive.
    """

    def __init__(self, tokens: float, seconds: float, clock: IReactorTime, most: int = MAX_BUCKETS) -> None:
        if min(tokens, seconds, most) <= 0:
            raise ValueError("a limit is so many, more than 0, in so many seconds")
        self._tokens = tokens
        self._rate = tokens / seconds
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Take one token of ``name``'s; whether there was one."""
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
    A backend that takes only so much from each.

    Args:
        backend: The one it is for.
        number: So many at once, and in ``seconds``; then as they come in again, one by one.
        by: Whose mail is counted together: that of a client's "host", of a "login", of a sender's "address", or
            what a function makes of them.
        of: What is counted: MAILs or RCPTs, with those that ``backend`` refuses.
        clock: The global reactor by default.

    Raises:
        ValueError: There is no such limit.
    """

    def __init__(
        self,
        backend: Any,
        number: float,
        seconds: float,
        *,
        by: Literal["host", "login", "address"] | Whose = "host",
        of: Literal["messages", "recipients"] = "messages",
        clock: Any = None,
    ) -> None:
        if clock is None:
            from twisted.internet import reactor as clock
        super().__init__(backend)
        whose = _BY.get(by) if isinstance(by, str) else by
        if whose is None:
            raise ValueError(f"by is host, login, address or a function, not {by!r}")
        if of not in ("messages", "recipients"):
            raise ValueError(f"of is messages or recipients, not {of!r}")
        self._whose = whose
        self._of = of
        self._buckets = Buckets(number, seconds, clock)

    def session(self, session: Any, connection: Connection) -> _LimitSession:
        """A session that counts."""
        return _LimitSession(session, connection, self)

    def count(self, what: str, connection: Connection, sender: str) -> None:
        """
        One more of ``what``.

        Raises:
            SMTPError: 450 4.7.1, that is too much.
        """
        if what == self._of:
            name = self._whose(connection, sender)
            if name is not None and not self._buckets.take(name):
                raise SMTPError.from_reply(TOO_MUCH_MAIL_450)


class _LimitSession(MiddlewareSession):
    def __init__(self, inner: Any, connection: Connection, limit: LimitBackend) -> None:
        super().__init__(inner, connection)
        self._limit = limit
        self._sender = ""

    def mail(self, sender: str, options: Any) -> Any:
        """MAIL, one more."""
        self._limit.count("messages", self.connection, sender)
        self._sender = sender
        return self.inner.mail(sender, options)

    def rcpt(self, recipient: str, options: Any) -> Any:
        """RCPT, one more."""
        self._limit.count("recipients", self.connection, self._sender)
        return self.inner.rcpt(recipient, options)
