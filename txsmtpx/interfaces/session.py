"""A session: the mail of one client, as a backend receives it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol, TypeVar

from zope.interface import Attribute, Interface

from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.message import DataContext, Message, Outcome
from txsmtpx.settling import Eventual

Answer = Reply | None
"""The answer of a session to MAIL or RCPT.  None is the usual 250, a `Reply` is sent as it is."""

Found = str | Iterable[str] | Reply | None
"""The answer of a session to VRFY or EXPN: one line or several for 250, a `Reply`, or None for an unknown name."""

E = TypeVar("E", covariant=True)


class ISession(Interface):
    """
    The mail of one client, one transaction at a time.  `txsmtpx.Session` accepts all of it.

    A session may also provide `IVerifyingSession`, `IExpandingSession` and `IExtensionSupport`.

    `mail`, `rcpt` and `data` return None or a `txsmtpx.Reply`, or a Deferred or coroutine of it, or raise
    `txsmtpx.SMTPError`.  The reply is a 2xx, 4xx or 5xx.  After 421 the server closes the connection (RFC 5321 §3.8).
    Anything else, such as 3xx or 221, is answered by 451, and the log names the method and its result.

    Example:
        A session that rejects one recipient, and logs the octets of each message::

            class CountingSession(Session):
                def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
                    return Reply(550, (5, 1, 1), "No such user") if recipient.startswith("nobody@") else None

                async def data(self, message: Message, context: DataContext) -> None:
                    log.info("{octets} octets", octets=len(await message.content()))
    """

    def mail(sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL (RFC 5321 §4.1.1.2).

        Args:
            sender: The address; ``""`` for the null reverse-path.
            options: The parameters.

        Returns:
            None or a reply.
        """

    def rcpt(recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT (RFC 5321 §4.1.1.3).

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            None or a reply.
        """

    # Not Message and DataContext: with the plugin for zope.interface, an application may write IMessage too.
    def data(message: Any, context: Any) -> Eventual[Outcome]:
        """
        Handle DATA, or the first BDAT.  It is called when the message begins.

        Args:
            message: The message, an `IMessage`.
            context: The envelope, and the outcomes, an `IDataContext`.

        Returns:
            The outcome for each recipient without one of its own.
        """

    def reset() -> object:
        """
        End the transaction: it is complete, or ended by RSET or EHLO, or lost with its connection.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """

    def logout() -> object:
        """
        End the session.  It is called once, after `reset` if there was a transaction.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """


class SessionLike(Protocol):
    """The type of `ISession`, for type checkers without a plugin for zope.interface."""

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL.  See `ISession.mail`.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            None or a reply.
        """

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT.  See `ISession.rcpt`.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            None or a reply.
        """

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """
        Handle DATA or BDAT.  See `ISession.data`.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The outcome.
        """

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored.
        """

    def logout(self) -> object:
        """
        End the session.

        Returns:
            Ignored.
        """


class IVerifyingSession(ISession):
    """
    A session that answers VRFY (RFC 5321 §3.5).  EHLO then lists it.

    Before a client has a session, ``supports`` of the backend decides; see `txsmtpx.OpenBackend`.

    Example:
        A session that knows one user::

            class VerifyingSession(Session):
                def verify(self, name: str) -> str | None:
                    return "Ann Example <ann@example.org>" if name == "ann" else None
    """

    def verify(argument: str) -> Eventual[Found]:
        """
        Handle VRFY.

        Args:
            argument: A user name or an address.

        Returns:
            None for 252, lines for 250, or a reply.
        """


class VerifyingSessionLike(SessionLike, Protocol):
    """The type of `IVerifyingSession`."""

    def verify(self, argument: str) -> Eventual[Found]:
        """
        Handle VRFY.

        Args:
            argument: A user name or an address.

        Returns:
            None for 252, lines for 250, or a reply.
        """


class IExpandingSession(ISession):
    """
    A session that answers EXPN (RFC 5321 §3.5).  EHLO then lists it; see `IVerifyingSession`.

    Example:
        A session that knows one list::

            class ExpandingSession(Session):
                def expand(self, name: str) -> list[str] | None:
                    return ["ann@example.org", "bob@example.org"] if name == "staff" else None
    """

    def expand(argument: str) -> Eventual[Found]:
        """
        Handle EXPN.

        Args:
            argument: The name of a list.

        Returns:
            None for 502, lines for 250, or a reply.
        """


class ExpandingSessionLike(SessionLike, Protocol):
    """The type of `IExpandingSession`."""

    def expand(self, argument: str) -> Eventual[Found]:
        """
        Handle EXPN.

        Args:
            argument: The name of a list.

        Returns:
            None for 502, lines for 250, or a reply.
        """


class IExtensionSupport(Interface):
    """Optional, for a backend or a session that keeps the promises of extensions, such as DSN."""

    supports: Collection[object] = Attribute("The extensions, each a `txsmtpx.Extension`; empty by default.")


class ExtensionSupport(Protocol[E]):
    """The type of `IExtensionSupport`, generic in the class of the extensions."""

    @property
    def supports(self) -> Collection[E]:
        """The extensions."""
