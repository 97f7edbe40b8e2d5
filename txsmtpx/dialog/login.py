"""
A login, the client's half: RFC 4954 §4.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from twisted.python.failure import Failure

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.errors import ProtocolError
from txsmtpx.grammar.command import MAX_SHORT_LINE
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ISASLClient


async def log_in(dialog: ClientDialog, client: ISASLClient, write_secret: Callable[[bytes], None]) -> Reply:
    """
    AUTH, and the exchange.

    @param write_secret: sends octets that no transcript shows.
    @raise SMTPError: the server does not know us.
    @raise ProtocolError: it talks nonsense, or has not proved what the mechanism wants proved.
    """
    initial = client.start()
    words = [] if initial is None else [_base64(initial) or "="]
    late = len(f"AUTH {client.name} {words[0]}\r\n") > MAX_SHORT_LINE if words else False  # §4: then it must wait
    reply = await dialog.send("AUTH", client.name, *([] if late else words))
    if late and reply.code == 334:
        write_secret(f"{words[0]}\r\n".encode())
        reply = await dialog.expect("AUTH", "command")
    while reply.code == 334:
        try:
            response = client.next(base64.b64decode(reply.text, validate=True))
        except ValueError as error:
            write_secret(b"*\r\n")
            await dialog.expect("AUTH", "command")
            raise ProtocolError(f"AUTH {client.name}: {error}") from error
        write_secret(_base64(response).encode() + b"\r\n")
        reply = await dialog.expect("AUTH", "command")
    checked(reply, "AUTH")
    if not getattr(client, "finished", True):
        unproved = ProtocolError(f"AUTH {client.name}: the server has not proved that it knows the password")
        dialog.fail(Failure(unproved))
        raise unproved
    return reply


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
