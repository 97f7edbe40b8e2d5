"""
XCLIENT and XFORWARD of Postfix: a proxy names the client for which it connects (XCLIENT_README, XFORWARD_README).

XCLIENT assigns the session to another client, until the connection ends.  A backend sees the addresses of that client.
They stay after STARTTLS, which forgets HELO and LOGIN.  LOGIN is a login: the backend gives the session by
``anonymous_login``, with ``connection.username`` set.  The limits of the session begin anew, and it counts for the
address of the client.

XFORWARD names the origin of the next transaction, for the logs: ``connection.xforward``.

Both are accepted from the peers in ``trusted_networks`` only.  The address of the connection decides, not that of
XCLIENT.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from txsmtpx.dialog.client_policy import greet
from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_session import NO_DOMAINS, forget_hello
from txsmtpx.dialog.state import ANY, State
from txsmtpx.grammar import asciitext, attributes, replies
from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.reply import Reply

NOT_TRUSTED_550 = Reply(550, (5, 7, 0), "Not allowed from this address")
"""To XCLIENT or XFORWARD from an address outside `trusted_networks`."""

XCLIENT_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
XFORWARD_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")

_BETWEEN = ANY - {State.MAIL, State.RCPT, State.CHUNK}


def plain_attributes(given: Mapping[str, str]) -> dict[str, str]:
    """
    Return attributes whose addresses are in their plain form (`plain_address`).

    Args:
        given: The attributes as they came.

    Returns:
        The attributes.
    """
    return {name: plain_address(value) if name in ("ADDR", "DESTADDR") else value for name, value in given.items()}


def trusted(dialog: ServerDialog) -> bool:
    """
    Return whether the peer is in one of the ``trusted_networks``.

    Args:
        dialog: The dialog of the client.

    Returns:
        True if it is.  The address of the connection is compared, not that of XCLIENT.
    """
    if not dialog.settings.trusted_networks:
        return False
    peer = dialog.connection.proxy or dialog.connection.peer
    try:
        address = ipaddress.ip_address(getattr(peer, "host", ""))
    except ValueError:
        return False
    return any(address in network for network in dialog.settings.trusted_networks)


def xclient(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer XCLIENT: assign the session to another client, and begin it anew.

    Args:
        dialog: The dialog of the client.
        argument: The attributes.

    Returns:
        The greeting; or why the command is rejected, or the client is refused.
    """
    if not trusted(dialog):
        return NOT_TRUSTED_550
    try:
        given = plain_attributes(attributes.parse(argument, XCLIENT_ATTRIBUTES))
    except Malformed as malformed:
        return replies.bad_parameter_501(str(malformed))
    forget_hello(dialog)
    connection, policy = dialog.connection, dialog.settings.policy
    if policy is not None:
        policy.disconnected(connection)
    connection.proxy = connection.proxy or connection.peer
    connection.xclient = known = {**connection.xclient, **given}
    connection.peer = _address(known, "ADDR", "PORT", connection.peer)
    connection.host = _address(known, "DESTADDR", "DESTPORT", connection.host)
    connection.helo = given.get("HELO", "")
    connection.username = given.get("LOGIN") or None
    dialog.failed_logins = dialog.errors = dialog.transactions = 0  # those of another client do not count
    dialog.recipient_domains = NO_DOMAINS
    dialog.enter(State.START)
    if not dialog.wire.admit_client():
        return replies.TOO_MANY_CONNECTIONS_421
    return greet(dialog)


def _address(given: dict[str, str], host: str, port: str, before: IAddress | None) -> IAddress | None:
    if host not in given:
        return before
    kind = IPv6Address if ":" in given[host] else IPv4Address
    return kind("TCP", given[host], int(given.get(port) or 0)) if given[host] else None


def xforward(dialog: ServerDialog, argument: str) -> Reply:
    """
    Answer XFORWARD: keep the attributes for the next transaction.  Those of several commands add up.

    Args:
        dialog: The dialog of the client.
        argument: The attributes.

    Returns:
        250; or why the command is rejected.
    """
    if not trusted(dialog):
        return NOT_TRUSTED_550
    try:
        given = plain_attributes(attributes.parse(argument, XFORWARD_ATTRIBUTES))
    except Malformed as malformed:
        return replies.bad_parameter_501(str(malformed))
    dialog.connection.xforward = {**dialog.connection.xforward, **given}
    return replies.OK_250


def _announce_xclient(dialog: ServerDialog) -> str | None:
    return " ".join(XCLIENT_ATTRIBUTES) if trusted(dialog) else None


def _announce_xforward(dialog: ServerDialog) -> str | None:
    return " ".join(XFORWARD_ATTRIBUTES) if trusted(dialog) else None


def _read(text: str) -> frozenset[str]:
    return frozenset(asciitext.words(asciitext.upper(text)))


XCLIENT = Extension(
    "XCLIENT",
    "Postfix XCLIENT_README",
    announce=_announce_xclient,
    read=_read,
    lists=True,
    verbs=(
        Verb(
            "XCLIENT",
            xclient,
            "XCLIENT attribute=value ...",
            _BETWEEN,
            misplaced=replies.NOT_IN_TRANSACTION_503,
            before_tls=True,
            before_auth=True,
        ),
    ),
)

XFORWARD = Extension(
    "XFORWARD",
    "Postfix XFORWARD_README",
    announce=_announce_xforward,
    read=_read,
    lists=True,
    verbs=(
        Verb(
            "XFORWARD",
            xforward,
            "XFORWARD attribute=value ...",
            frozenset({State.READY}),
            misplaced=replies.NOT_IN_TRANSACTION_503,
            before_auth=True,
        ),
    ),
)
