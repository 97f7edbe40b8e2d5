"""How a relay names the client to the next server, before each transaction: XFORWARD and XCLIENT."""

from __future__ import annotations

from typing import Literal

from txsmtpx.grammar import attributes
from txsmtpx.interfaces import Connection
from txsmtpx.wire.client import SMTPClient

Introduction = Literal["xforward", "xclient", "nothing"]
"""How the next server learns who the client is: for its logs, if it offers that; as its own client; or not at all."""


async def by_xclient(client: SMTPClient, connection: Connection) -> None:
    """
    Make the next server treat the relay as the client.

    Args:
        client: The connection to the next server.
        connection: The connection of the client.

    Raises:
        NotOffered: The next server does not offer XCLIENT.
        SMTPError: The next server rejects it.
        ValueError: An attribute of the client cannot be encoded.
    """
    await client.xclient(**_origin(connection) | _login(connection))


async def by_xforward(client: SMTPClient, connection: Connection) -> None:
    """
    Name the client for the logs of the next server.

    Args:
        client: The connection to the next server.
        connection: The connection of the client.

    Raises:
        SMTPError: The next server rejects it.
        ValueError: An attribute of the client cannot be encoded.
    """
    # What a trusted client has said of the origin is not mixed with what is known of that client.
    await client.xforward(**connection.xforward or _origin(connection) | {"SOURCE": "REMOTE"})


def _origin(connection: Connection) -> dict[str, str]:
    """Return the attributes that XCLIENT and XFORWARD share; "" for what is not known."""
    host, port = connection.peer_host, connection.peer_port
    helo = connection.helo
    return {
        "NAME": connection.xclient.get("NAME", ""),
        "ADDR": host,
        "PORT": str(port) if host and port else "",
        "PROTO": "ESMTP" if connection.extended else "SMTP",
        "HELO": helo if helo.isprintable() and len(helo) <= attributes.MAX_VALUE else "",
    }


def _login(connection: Connection) -> dict[str, str]:
    """Return the login, "" for none: XCLIENT has to name it in any case."""
    return {"LOGIN": connection.username or ""}
