"""
Middleware that gives senders and recipients other addresses, or takes only those it has one for.

The backend behind it sees the new addresses alone.  What becomes of a recipient there is the outcome of the one that
the client named, at the same position (RFC 2033 §4.2).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from txsmtpx.dialog.outcome import accepts
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection
from txsmtpx.middleware.middleware import Middleware, MiddlewareContext, MiddlewareSession
from txsmtpx.settling import then

NO_SUCH_MAILBOX_550 = Reply(550, (5, 1, 1), "No such mailbox here")
SENDER_REFUSED_550 = Reply(550, (5, 7, 1), "That sender is not taken here")

Rewrite = Callable[[str], Any] | Mapping[str, str]
"""
An address to its new one: a function that gives it, at once or by a Deferred or coroutine, None where it has none, or
raises `SMTPError`; or what `mapped` takes.
"""


def mapped(table: Mapping[str, str]) -> Callable[[str], str | None]:
    """
    A function for a table of addresses, ``"old@example.org": "new@example.net"``, and of domains, ``"@example.org":
    "@example.net"``, which leave the local part as it is; ``"@example.org": "me@example.net"`` is for a whole domain,
    ``"@": ...`` for whatever is not found.  An address goes before its domain.  Addresses and domains are compared as
    `txsmtpx.mailbox_key` and `txsmtpx.domain_key` say.

    Raises:
        ValueError: A domain in the table is none, or one address or domain has two new ones.
    """
    known: dict[str, str] = {}
    for name, new in table.items():
        domain = domain_key(path.split(name)[1])
        key = f"@{domain}" if name.startswith("@") else mailbox_key(name)
        if known.setdefault(key, new) != new:
            raise ValueError(f"{name} is twice in the table, in two spellings, with two new addresses")

    def look_up(address: str) -> str | None:
        key = mailbox_key(address)
        for name in (key, f"@{path.split(key)[1]}", "@"):
            new = known.get(name)
            if new is not None:
                return f"{address.removesuffix(f'@{path.split(address)[1]}')}{new}" if new.startswith("@") else new
        return None

    return look_up


class RewriteBackend(Middleware):
    """
    A backend whose addresses are others than the clients'.

    Args:
        backend: The one it is for.
        sender: For the addresses of MAIL; None leaves them.  The null path is left in any case.
        recipient: For those of RCPT; None leaves them.
        require: Refuse an address that has no new one (550 5.7.1 for senders, 550 5.1.1 for recipients) instead
            of leaving it as it is.
    """

    def __init__(
        self, backend: Any, *, sender: Rewrite | None = None, recipient: Rewrite | None = None, require: bool = False
    ) -> None:
        super().__init__(backend)
        self.sender = mapped(sender) if isinstance(sender, Mapping) else sender
        self.recipient = mapped(recipient) if isinstance(recipient, Mapping) else recipient
        self.require = require

    def session(self, session: Any, connection: Connection) -> _RewriteSession:
        """A session that rewrites."""
        return _RewriteSession(session, connection, self)


class _RewriteSession(MiddlewareSession):
    def __init__(self, inner: Any, connection: Connection, rewrite: RewriteBackend) -> None:
        super().__init__(inner, connection)
        self._rewrite = rewrite
        self._sender = ""
        self._recipients: dict[str, list[str]] = {}

    def mail(self, sender: str, options: Any) -> Any:
        """MAIL, from another."""

        def renamed(new: str | None) -> Any:
            if new is None and self._rewrite.require:
                raise SMTPError.from_reply(SENDER_REFUSED_550)
            self._sender = sender if new is None else new
            return self.inner.mail(self._sender, options)

        if self._rewrite.sender is None or not sender:
            self._sender = sender
            return self.inner.mail(sender, options)
        return then(self._rewrite.sender(sender), renamed)

    def rcpt(self, recipient: str, options: Any) -> Any:
        """RCPT, to another."""

        def renamed(new: str | None) -> Any:
            if new is None and self._rewrite.require:
                raise SMTPError.from_reply(NO_SUCH_MAILBOX_550)
            name = recipient if new is None else new
            return then(self.inner.rcpt(name, options), lambda said: self._taken(recipient, name, said))

        if self._rewrite.recipient is None:
            return self.inner.rcpt(recipient, options)
        return then(self._rewrite.recipient(recipient), renamed)

    def _taken(self, recipient: str, name: str, said: Any) -> Any:
        if accepts(said):
            self._recipients.setdefault(recipient, []).append(name)
        return said

    def data(self, message: Any, context: Any) -> Any:
        """DATA, with the new addresses."""
        names = context.recipients
        if self._rewrite.recipient is not None:
            left = {recipient: iter(names) for recipient, names in self._recipients.items()}
            names = [next(left[recipient]) for recipient in context.recipients]
        return self.inner.data(message, RenamedContext(context, self._sender, names))

    def reset(self) -> Any:
        """The transaction is over."""
        self._recipients = {}
        return self.inner.reset()


class RenamedContext(MiddlewareContext):
    """
    A context whose recipients have other names here than in the one behind it, position by position.

    Attributes:
        sender: The sender here.
        recipients: The recipients here.

    Args:
        recipients: As many as ``outer`` has.
    """

    def __init__(self, outer: Any, sender: str, recipients: Sequence[str]) -> None:
        super().__init__(outer)
        self.sender = sender
        self.recipients = tuple(recipients)
        self._begun: set[int] = set()
        self._settled: set[int] = set()
        self._lock = threading.Lock()

    def start_delivery(self, recipient: str | int, deferred: Any = None, timeout: float | None = None) -> None:
        """See `IDataContext.start_delivery`."""
        left = [position for position in self._positions(recipient) if position not in self._begun]
        if not left:
            raise ValueError(f"each delivery to {recipient!r} has begun already")
        super().start_delivery(left[0], deferred, timeout)
        self._begun.add(left[0])

    def set_status(self, recipient: str | int, status: Any = None) -> bool:
        """See `IDataContext.set_status`."""
        positions = self._positions(recipient)
        for position in positions:
            with self._lock:
                if position in self._settled:
                    continue
                self._settled.add(position)
            if super().set_status(position, status):
                return True
        return super().set_status(positions[-1], status)  # which is too late, and so it is told

    def _positions(self, recipient: str | int) -> list[int]:
        """Where it stands: by its exact name, then by any name of the same mailbox."""
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

    def _as_here(self, told: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
        here = dict(zip(self.outer.recipients, self.recipients, strict=True))
        return lambda recipient, status: told(here[recipient], status)
