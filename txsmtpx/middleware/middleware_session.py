"""The base class of sessions of middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import (
    Answer,
    Connection,
    DataContext,
    Eventual,
    ISession,
    Message,
    Outcome,
    SessionLike,
)


@implementer(ISession)
class MiddlewareSession:
    """
    A session around another one.  Other methods of that session, such as ``verify``, are available too.

    Args:
        inner: The other session.
        connection: The connection.

    Attributes:
        inner: The other session.
        connection: The connection.

    Example:
        ::

            class GreylistSession(MiddlewareSession):
                def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
                    if not known(self.connection.peer_host, recipient):
                        return Reply(451, (4, 7, 1), "Try again later")
                    return super().rcpt(recipient, options)
    """

    def __init__(self, inner: SessionLike, connection: Connection) -> None:
        self.inner = inner
        self.connection = connection

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            None or a reply.
        """
        return self.inner.mail(sender, options)

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            None or a reply.
        """
        return self.inner.rcpt(recipient, options)

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """
        Handle DATA or BDAT.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The outcome.
        """
        return self.inner.data(message, context)

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored.
        """
        return self.inner.reset()

    def logout(self) -> object:
        """
        End the session.

        Returns:
            Ignored.
        """
        return self.inner.logout()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name == "inner" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.inner, name)
