"""How a relay names the client to the next server, before each transaction: XFORWARD and XCLIENT."""

from __future__ import annotations

from typing import Literal

from txsmtpx.grammar import asciitext, attributes
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
    # XCLIENT has to name the login in any case: "" for none.
    await client.xclient(**_origin(connection), login=connection.username or "")


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
    origin = {asciitext.lower(name): value for name, value in connection.xforward.items()}
    await client.xforward(**origin or _origin(connection) | {"source": "REMOTE"})


def _origin(connection: Connection) -> dict[str, str]:
    """Return the arguments that XCLIENT and XFORWARD share; "" for what is not known."""
    host, port = connection.peer_host, connection.peer_port
    helo = connection.helo
    return {
        "name": connection.xclient.get("NAME", ""),
        "addr": host,
        "port": str(port) if host and port else "",
        "proto": "ESMTP" if connection.extended else "SMTP",
        "helo": helo if helo.isprintable() and len(helo) <= attributes.MAX_VALUE else "",
    }
