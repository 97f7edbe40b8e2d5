"""RFC 5321 §4.1.1.4: DATA, and the end of every message, which BDAT shares."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.extension import Answer, Verb
from txsmtpx.dialog.message import Message
from txsmtpx.dialog.refusals import log_refusal
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_session import leave_transaction
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.dialog.state import State
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import Unstuffer


def data(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer DATA.

    Args:
        dialog: The client's dialog.
        argument: Rejected if there is one.

    Returns:
        None, after 354; or why the command is rejected.
    """
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    if dialog.transaction is not None and dialog.transaction.options.body == "BINARYMIME":
        return replies.BDAT_ONLY_503  # RFC 3030 §3
    dialog.reply(replies.SEND_DATA_354)
    dialog.body = DotBody(dialog, begin_message(dialog))
    return None


class DotBody:
    """
    The octets that follow DATA, up to CRLF.CRLF.

    Args:
        dialog: The client's dialog.
        message: Takes the octets.
    """

    def __init__(self, dialog: ServerDialog, message: Message) -> None:
        self._dialog = dialog
        self._message = message
        self._unstuffer = Unstuffer(dialog.settings.bare_newlines)

    def feed(self, data: bytes, start: int) -> int:
        """
        Take octets.

        Args:
            data: What has come.
            start: The index of the first octet.

        Returns:
            The index behind the end of the body, or -1 if more is to come.
        """
        chunk, end = self._unstuffer.feed(data, start)
        if chunk:
            self._message.write(chunk)
        return end

    def end(self) -> Answer:
        """
        End the message.

        Returns:
            The reply to it, None if all are written, or a Deferred of either.
        """
        dialog = self._dialog
        if self._unstuffer.bare and dialog.settings.bare_newlines == "reject":
            return end_message(dialog, replies.bare_newline_550(dialog.queue_id))
        return end_message(dialog)


def begin_message(dialog: ServerDialog) -> Message:
    """
    Hand a message to the backend, before its first octet comes.

    Args:
        dialog: The client's dialog, in whose transaction a recipient was accepted.

    Returns:
        The message, to which octets are written as they come.
    """
    transaction, session = dialog.transaction, dialog.session
    assert transaction is not None and session is not None
    message = Message(dialog.settings.max_message_bytes)
    transaction.begin(session, message, DataContext(transaction))
    return message


def end_message(dialog: ServerDialog, spoilt: Reply | None = None) -> Answer:
    """
    Answer a message that is complete, once for each recipient under LMTP.

    Args:
        dialog: The client's dialog.
        spoilt: Why the message is rejected, whatever the backend returns; None if it may be accepted.

    Returns:
        None if all replies are written, or a Deferred that fires when they are.
    """
    transaction = dialog.transaction
    assert transaction is not None
    reply = transaction.finish(lambda reply: _write(dialog, transaction, reply), spoilt)
    if isinstance(reply, Deferred):
        return reply.addCallback(lambda reply: _answered(dialog, transaction, reply))
    return _answered(dialog, transaction, reply)


def _answered(dialog: ServerDialog, transaction: Transaction, reply: Reply | None) -> Answer:
    """Write the reply to the message, if it is not written.  The backend forgets it before the next command."""
    if reply is not None and reply.code < 400:
        dialog.reply(reply)
        dialog.errors = 0
    elif reply is not None:
        _write(dialog, transaction, reply)
        if dialog.connection.closing:
            dialog.close()
    transaction.answered(reply)
    return leave_transaction(dialog, transaction)


def _write(dialog: ServerDialog, transaction: Transaction, reply: Reply) -> None:
    """Write a reply to a message.  A rejection is in the log line of the transaction, or has a line of its own."""
    if reply.code >= 400 and transaction.facts is None:
        log_refusal(dialog, reply, "(end of the message)")
    dialog.reply(reply)


DATA = Verb("DATA", data, "DATA", frozenset({State.RCPT}))
