"""
A login, the client's half: RFC 4954 §4.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.errors import CommandCancelled, ProtocolError
from txsmtpx.grammar.command import MAX_SHORT_LINE
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ISASLClient
from txsmtpx.settling import settle

MOST_CHALLENGES = 20
"""In one exchange, which has three at most in the mechanisms that are known."""


async def log_in(dialog: ClientDialog, client: ISASLClient, write_secret: Callable[[bytes], None]) -> Reply:
    """
    AUTH, and the exchange.

    Args:
        write_secret: Sends octets that no transcript shows.

    Raises:
        SMTPError: The server does not know us.
        ProtocolError: It talks nonsense, or has not proved what the mechanism wants proved.
    """
    if dialog.secrets is None:
        dialog.secrets = Secrets()
    hidden, secrets = dialog.secrets, getattr(client, "secrets", None)
    hidden.add_secrets(secrets or ())
    hidden.in_login = True
    try:
        return checked(await _exchange(dialog, client, write_secret, hidden, secrets is not None), "AUTH")
    finally:
        hidden.in_login = False


async def _exchange(
    dialog: ClientDialog, client: ISASLClient, write_secret: Callable[[bytes], None], hidden: Secrets, known: bool
) -> Reply:
    """The reply that ends it."""

    def respond(response: bytes) -> None:
        hidden.add_response(response, known)
        write_secret(f"{_base64(response)}\r\n".encode())

    initial = client.start()
    words = [] if initial is None else [_base64(initial) or "="]
    late = len(f"AUTH {client.name} {words[0]}\r\n") > MAX_SHORT_LINE if words else False  # §4: then it must wait
    hidden.add_response(initial or b"", known)
    reply = await dialog.send("AUTH", client.name, *([] if late else words))
    if late and reply.code == 334:
        respond(initial or b"")
        reply = await dialog.expect("AUTH", "command")
    challenges = 0
    while reply.code == 334:
        challenges += 1
        if challenges > MOST_CHALLENGES:
            dialog.fail(ProtocolError(f"AUTH {client.name}: challenges without end", command="AUTH"))
            dialog.raise_failure()
        try:
            response = await _computed(dialog, client.next(base64.b64decode(reply.text, validate=True)))
        except CommandCancelled:
            raise
        except Exception as error:
            dialog.raise_failure()
            write_secret(b"*\r\n")
            await dialog.expect("AUTH", "command")
            if not isinstance(error, ValueError):
                raise
            text = HIDDEN if hidden.within(str(error)) else str(error)
            raise ProtocolError(f"AUTH {client.name}: {text}", command="AUTH") from None  # it may quote the challenge
        respond(response)
        reply = await dialog.expect("AUTH", "command")
    if reply.positive and not getattr(client, "finished", True):
        text = f"AUTH {client.name}: the server has not proved that it knows the password"
        dialog.fail(ProtocolError(text, command="AUTH"))
        dialog.raise_failure()
    return reply


async def _computed(dialog: ClientDialog, response: Any) -> bytes:
    """
    ``response``, which may come by and by.

    Raises:
        CommandCancelled: The caller has cancelled the login; the connection is aborted.
        DeliveryError: The connection has failed meanwhile.
    """
    response = settle(response)
    if not isinstance(response, Deferred):
        return response  # type: ignore[no-any-return]
    dialog.fetching = response
    try:
        return await response  # type: ignore[no-any-return]
    except CancelledError:
        dialog.raise_failure()
        raise dialog.cancel("AUTH") from None
    finally:
        dialog.fetching = None


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
