"""STARTTLS (RFC 3207): the TLS handshake on a connection that began without TLS."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.state import SECURING, State
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

READY_FOR_TLS_220 = Reply(220, (2, 0, 0), "Ready to start TLS")
"""To STARTTLS: the handshake follows."""
TLS_ACTIVE_503 = Reply(503, (5, 5, 1), "TLS is active already")
"""To STARTTLS within TLS."""


def _announce(dialog: ServerDialog) -> str | None:
    return "" if dialog.connection.tls is None else None  # §4.2: it is not advertised within TLS


def starttls(dialog: ServerDialog, argument: str) -> Reply | None:
    """
    Answer STARTTLS (§4), then begin the handshake.

    Args:
        dialog: The dialog of the client.
        argument: Must be empty.

    Returns:
        The reply if the command is rejected; None otherwise.
    """
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    if dialog.connection.tls is not None:
        return TLS_ACTIVE_503
    dialog.reply(READY_FOR_TLS_220)
    dialog.link = SECURING
    dialog.wire.start_tls()
    return None


STARTTLS = Extension(
    "STARTTLS",
    "RFC 3207",
    announce=_announce,
    verbs=(
        Verb(
            "STARTTLS",
            starttls,
            "STARTTLS",
            frozenset({State.READY}),
            misplaced=replies.NOT_IN_TRANSACTION_503,
            before_tls=True,
            before_auth=True,
        ),
    ),
)
