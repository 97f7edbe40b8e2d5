"""
Middleware that replaces the addresses of senders and recipients, or accepts only those that it can replace.

The backend behind it sees the new addresses only.  Its outcome for a recipient is the outcome for the recipient of the
client at the same position (RFC 2033 §4.2).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from txsmtpx.arguments import checked
from txsmtpx.dialog.outcome_reply import accepts
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Answer, BackendLike, Connection, DataContext, Eventual, Message, Outcome, SessionLike
from txsmtpx.middleware.address_map import mapped
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_context import Late, MiddlewareContext
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.settling import then

NO_SUCH_MAILBOX_550 = Reply(550, (5, 1, 1), "No such mailbox here")
"""To RCPT, if `require` is set and the recipient has no new address."""
SENDER_REFUSED_550 = Reply(550, (5, 7, 1), "Sender not accepted here")
"""To MAIL, if `require` is set and the sender has no new address."""
LOOKUP_FAILED_451 = Reply(451, (4, 3, 0), "Temporary lookup failure")
"""To MAIL or RCPT, if the server of a table has no answer.  The text is that of Postfix."""

Rewriting = Callable[[str], Eventual[str | None]]
"""A function that returns the new address for an address, None if there is none, or raises `SMTPError`."""

Rewrite = Rewriting | Mapping[str, str]
"""
How addresses are rewritten: by a function, or by a table for `txsmtpx.middleware.address_map.mapped`.
"""


class RewriteBackend(Middleware):
    """
    A backend that gets other addresses than the clients send.

    Args:
        backend: The other backend.
        sender: The new addresses for MAIL.  None: they are not changed.  The null reverse-path is never changed.
        recipient: The new addresses for RCPT.  None: they are not changed.
        require: True rejects an address without a new one: 550 5.7.1 for senders, 550 5.1.1 for recipients.  False does
            not change it.

    Attributes:
        sender: The function for senders.
        recipient: The function for recipients.
        require: As in the arguments.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A table cannot be used, see `txsmtpx.middleware.address_map.mapped`; or `require` is set without
            `sender` and `recipient`.

    Example:
        >>> from txsmtpx import MemoryBackend
        >>> backend = RewriteBackend(MemoryBackend(), recipient={"@example.org": "@example.net"})
    """

    @checked
    def __init__(
        self,
        backend: BackendLike,
        *,
        sender: Rewrite | None = None,
        recipient: Rewrite | None = None,
        require: bool = False,
    ) -> None:
        super().__init__(backend)
        self.sender: Rewriting | None = mapped(sender) if isinstance(sender, Mapping) else sender
        self.recipient: Rewriting | None = mapped(recipient) if isinstance(recipient, Mapping) else recipient
        self.require = require
        if require and sender is None and recipient is None:
            raise ValueError("require needs a table or a function: give sender, recipient or both")

    def session(self, session: SessionLike, connection: Connection) -> _RewriteSession:
        """
        Return a session that replaces addresses.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _RewriteSession(session, connection, self)


class _RewriteSession(MiddlewareSession):
    """A session that replaces addresses.  `RewriteBackend` creates it."""

    def __init__(self, inner: SessionLike, connection: Connection, rewrite: RewriteBackend) -> None:
        """
        Create a session.

        Args:
            inner: The session of the other backend.
            connection: The connection.
            rewrite: The backend with the functions.
        """
        super().__init__(inner, connection)
        self._rewrite = rewrite
        self._sender = ""
        self._recipients: dict[str, list[str]] = {}

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL with the new address.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            The answer of the other session.
        """

        def renamed(new: str | None) -> Eventual[Answer]:
            if new is None and self._rewrite.require:
                raise SMTPError.from_reply(SENDER_REFUSED_550)
            self._sender = sender if new is None else new
            return self.inner.mail(self._sender, options)

        if self._rewrite.sender is None or not sender:
            self._sender = sender
            return self.inner.mail(sender, options)
        return then(self._rewrite.sender(sender), renamed)

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT with the new address.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The answer of the other session.
        """

        def renamed(new: str | None) -> Eventual[Answer]:
            if new is None and self._rewrite.require:
                raise SMTPError.from_reply(NO_SUCH_MAILBOX_550)
            name = recipient if new is None else new
            return then(self.inner.rcpt(name, options), lambda answer: self._note(recipient, name, answer))

        if self._rewrite.recipient is None:
            return self.inner.rcpt(recipient, options)
        return then(self._rewrite.recipient(recipient), renamed)

    def _note(self, recipient: str, name: str, answer: Answer) -> Answer:
        if accepts(answer):
            self._recipients.setdefault(recipient, []).append(name)
        return answer

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """
        Handle DATA with the new addresses.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The outcome of the other session.
        """
        names = context.recipients
        if self._rewrite.recipient is not None:
            left: dict[str, Iterator[str]] = {old: iter(new) for old, new in self._recipients.items()}
            names = [next(left[recipient]) for recipient in context.recipients]
        return self.inner.data(message, RenamedContext(context, self._sender, names))

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored.
        """
        self._recipients = {}
        return self.inner.reset()


class RenamedContext(MiddlewareContext):
    """
    A context with other addresses than the one around it, position by position.

    Args:
        outer: The context of the client.
        sender: The sender here.
        recipients: The recipients here, as many as those of ``outer``.
    """

    def __init__(self, outer: DataContext, sender: str, recipients: Sequence[str]) -> None:
        super().__init__(outer)
        self._sender = sender
        self._recipients = tuple(recipients)
        self._begun: set[int] = set()
        self._settled: set[int] = set()
        self._lock = threading.Lock()

    @property
    def sender(self) -> str:
        """The sender here."""
        return self._sender

    @property
    def recipients(self) -> Sequence[str]:
        """The recipients here."""
        return self._recipients

    def start_delivery(
        self, recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None
    ) -> None:
        """
        Announce that the outcome for a recipient follows (`IDataContext.start_delivery`).

        Args:
            recipient: The address here, or its index.
            deferred: A Deferred or coroutine of the outcome.
            timeout: Seconds from now.

        Raises:
            ValueError: There is no such recipient, or each delivery to it has been announced.
        """
        left = [position for position in self._positions(recipient) if position not in self._begun]
        if not left:
            raise ValueError(f"each delivery to {recipient!r} has begun already")
        super().start_delivery(left[0], deferred, timeout)
        self._begun.add(left[0])

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient (`IDataContext.set_status`).

        Args:
            recipient: The address here, or its index.
            status: The outcome.

        Returns:
            True if it counts.
        """
        positions = self._positions(recipient)
        for position in positions:
            with self._lock:
                if position in self._settled:
                    continue
                self._settled.add(position)
            if super().set_status(position, status):
                return True
        return super().set_status(positions[-1], status)  # too late, which the outer context counts

    def _positions(self, recipient: str | int) -> list[int]:
        """Return the positions of a recipient: by its exact address, then by any spelling of the same mailbox."""
        if isinstance(recipient, int):
            return [recipient]
        named = [at for at, name in enumerate(self.recipients) if name == recipient]
        if not named and isinstance(recipient, str):
            key = mailbox_key(recipient)
            named = [at for at, each in enumerate(self._keys) if each == key]
        if not named:
            raise ValueError(f"no recipient {recipient!r}")
        return named

    @cached_property
    def _keys(self) -> list[str]:
        return [mailbox_key(recipient) for recipient in self.recipients]

    def _as_here(self, late: Late) -> Late:
        here = dict(zip(self.outer.recipients, self.recipients, strict=True))
        return lambda recipient, status: late(here[recipient], status)
