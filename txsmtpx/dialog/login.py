"""A login, the client's half: RFC 4954 §4."""

from __future__ import annotations

import base64
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.exchange import checked
from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.errors import CommandCancelled, ProtocolError
from txsmtpx.grammar.command import MAX_SHORT_LINE
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import MutualClient, SASLClientLike, SecretsClient
from txsmtpx.interfaces.provided import provides
from txsmtpx.settling import Eventual, settle

S = TypeVar("S", bytes, str)

MOST_CHALLENGES = 20
"""In one exchange, which has three at most in the mechanisms that are known."""


async def log_in(dialog: ClientDialog, client: SASLClientLike) -> Reply:
    """
    Send AUTH, and the responses of a mechanism.

    Args:
        dialog: The dialog of the connection.
        client: The client half of the mechanism.

    Returns:
        The reply that accepts the login.

    Raises:
        SMTPError: The server rejects the login.
        ProtocolError: The server breaks the protocol, or has not proved what the mechanism has it prove.
    """
    if dialog.secrets is None:
        dialog.secrets = Secrets()
    hidden, known = dialog.secrets, provides(client, SecretsClient)
    if provides(client, SecretsClient):
        hidden.add_secrets(client.secrets)
    hidden.in_login = True
    try:
        return checked(await _exchange(dialog, client, hidden, known), "AUTH")
    finally:
        hidden.in_login = False


async def _exchange(dialog: ClientDialog, client: SASLClientLike, hidden: Secrets, known: bool) -> Reply:
    """Return the reply that ends the login."""

    def respond(response: bytes) -> None:
        hidden.add_response(response, known)
        dialog.wire.write_secret(f"{_base64(response)}\r\n".encode())

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
            dialog.wire.write_secret(b"*\r\n")
            await dialog.expect("AUTH", "command")
            if not isinstance(error, ValueError):
                raise
            text = HIDDEN if hidden.within(str(error)) else str(error)
            raise ProtocolError(f"AUTH {client.name}: {text}", command="AUTH") from None  # it may quote the challenge
        respond(response)
        reply = await dialog.expect("AUTH", "command")
    name = client.name
    if reply.positive and provides(client, MutualClient) and not client.finished:
        text = f"AUTH {name}: the server has not proved that it knows the password"
        dialog.fail(ProtocolError(text, command="AUTH"))
        dialog.raise_failure()
    return reply


async def _computed(dialog: ClientDialog, computed: Eventual[bytes]) -> bytes:
    """
    Return a response of a mechanism, which may take time to compute.

    Returns:
        The response.

    Raises:
        CommandCancelled: The caller has cancelled the login; the connection is aborted.
        DeliveryError: The connection has failed meanwhile.
    """
    response = settle(computed)
    if not isinstance(response, Deferred):
        return response
    try:
        return await fetched(dialog, response)
    except CancelledError:
        raise dialog.cancel("AUTH") from None


async def fetched(dialog: ClientDialog, fetching: Deferred[S]) -> S:
    """
    Wait for something that the login needs.  If the connection fails, the Deferred is cancelled.

    Args:
        dialog: The dialog of the connection.
        fetching: The Deferred.

    Returns:
        Its result.

    Raises:
        CancelledError: The caller has cancelled the login.
        DeliveryError: The connection has failed meanwhile.
    """
    dialog.fetching, dialog.fetching_for = fetching, "AUTH"
    try:
        return await fetching
    except CancelledError:
        dialog.raise_failure()
        raise
    finally:
        dialog.fetching, dialog.fetching_for = None, "BDAT"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
