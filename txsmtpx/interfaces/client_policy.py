"""A backend's policy for clients: what it decides when a client connects, and when the client gives its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from zope.interface import Interface

from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.connection import Connection
from txsmtpx.settling import Eventual

Policy = Callable[[Connection], Eventual[Reply | None]]
"""
A function of the connection, for ``policy`` of `txsmtpx.SMTPServerFactory`.  It returns None for a client that may go
on.  It returns a reply, or raises `txsmtpx.SMTPError`, for a client that is refused.
"""


class IClientPolicy(Interface):
    """
    Optional, for a backend that accepts or refuses clients before they send mail.  `txsmtpx.FilterBackend` provides it.

    Each method may also raise `txsmtpx.SMTPError`.  While it waits, the client waits.  The wait has a limit of 5
    minutes, after which the reply is 421 4.3.0.  Any other exception is logged and answered by 421 4.3.0 or 451 4.3.0.

    Example:
        A backend that refuses clients of one network::

            class Backend(OpenBackend):
                def connected(self, connection: Connection) -> Reply | None:
                    refused = connection.peer_host.startswith("192.0.2.")
                    return Reply(554, (5, 7, 1), "No mail from this network") if refused else None

                def hello(self, connection: Connection, name: str) -> None:
                    pass

                def disconnected(self, connection: Connection) -> None:
                    pass
    """

    def connected(connection: Connection) -> Eventual[Reply | None]:
        """
        Handle a new client, before the greeting.  After XCLIENT it is called again, for the client that XCLIENT names.

        Args:
            connection: The connection.

        Returns:
            None; or a reply that is sent instead of the greeting, before the connection is closed.  A 4xx is sent as
            421, and a 5xx but 521 as 554 (RFC 5321 §3.1, RFC 7504).
        """

    def hello(connection: Connection, name: str) -> Eventual[Reply | None]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            connection: The connection.
            name: The argument of the command.

        Returns:
            None; or a reply that rejects the command.  421 and 521 also close the connection.
        """

    def disconnected(connection: Connection) -> object:
        """
        Handle the end of a connection.  It is called once for each connection for which `connected` was called.

        Args:
            connection: The connection.

        Returns:
            Ignored.  A Deferred or coroutine runs to its end; the stop of a server waits for it, up to its deadline.
        """


class ClientPolicy(Protocol):
    """The type of `IClientPolicy`."""

    def connected(self, connection: Connection, /) -> Eventual[Reply | None]:
        """
        Handle a new client, before the greeting.

        Args:
            connection: The connection.

        Returns:
            None, or a reply that refuses the client.
        """

    def hello(self, connection: Connection, name: str, /) -> Eventual[Reply | None]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            connection: The connection.
            name: The argument of the command.

        Returns:
            None, or a reply that rejects the command.
        """

    def disconnected(self, connection: Connection, /) -> object:
        """
        Handle the end of a connection.

        Args:
            connection: The connection.

        Returns:
            Ignored.
        """
