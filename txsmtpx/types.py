"""
`txsmtpx.IMessage` and `txsmtpx.IDataContext` as types, for annotations.

A type checker understands an interface of zope.interface only with a plugin, for mypy that is mypy-zope; these it
understands without.  What the methods do stands with the interfaces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer

from txsmtpx.dialog.connection import Connection
from txsmtpx.grammar.options import MailOptions, RcptOptions


class Message(Protocol):
    """A message as it comes: see `txsmtpx.IMessage`."""

    @property
    def received(self) -> int:
        """Octets that have come so far."""

    def content(self, limit: int | None = None) -> Deferred[bytes]:
        """All of it, when it has come."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks as they come."""

    def deliver_to(self, consumer: IConsumer) -> Deferred[None]:
        """Write it all to ``consumer``."""


class DataContext(Protocol):
    """The envelope, and one outcome for each recipient: see `txsmtpx.IDataContext`."""

    @property
    def sender(self) -> str:
        """The address of MAIL, "" for the null path."""

    @property
    def recipients(self) -> Sequence[str]:
        """The addresses accepted."""

    @property
    def options(self) -> MailOptions:
        """Those of MAIL."""

    @property
    def recipient_options(self) -> Sequence[RcptOptions]:
        """Those of each RCPT."""

    @property
    def queue_id(self) -> str:
        """What this transaction is called."""

    @property
    def connection(self) -> Connection:
        """Whose it is."""

    def start_delivery(self, recipient: str | int, deferred: Any = None, timeout: float | None = None) -> None:
        """The outcome for ``recipient`` will come."""

    def set_status(self, recipient: str | int, status: Any = None) -> bool:
        """The outcome for ``recipient``."""

    def note(self, **facts: Any) -> None:
        """What you have to say of this message for the log."""

    def received(self, when: float | None = None) -> bytes:
        """The Received header of this message."""
