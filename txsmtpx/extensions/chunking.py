"""
CHUNKING (RFC 3030): the client sends a message by BDAT, in chunks of a given length.

The octets of a rejected chunk are read and discarded, and the session goes on.  If a chunk is more than 1 MiB longer
than a message may be, it is answered 552 5.3.4 before its octets come, and the connection is closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.message import Message
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.dialog.state import ENVELOPE, State
from txsmtpx.extensions.data import begin_message, end_message
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.settling import then


def chunk_250(octets: int) -> Reply:
    """
    Return the reply to a chunk that is not the last (RFC 3030 §2).

    Args:
        octets: The size of the chunk.

    Returns:
        250.
    """
    return Reply(250, (2, 0, 0), f"{octets} octets received")


THROWN_AWAY = 1024 * 1024
"""
Octets that a rejected chunk may have beyond `max_message_bytes`: it is read and discarded, and the session goes on.

The octets of a longer one are not read: the connection is closed with the reply.  Postfix reads a rejected chunk of any
size to its end, and so waits for as many octets as a client has announced.
"""

_ARGUMENT = re.compile(r"([0-9]{1,19})( +LAST)?", re.ASCII | re.IGNORECASE)


def bdat(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer BDAT (§2), when the octets of its chunk have come.

    A chunk that makes the message too long spoils the message, but not the framing: its octets, and all that follow,
    are counted.  A chunk that is far too long is rejected before its octets come, see `THROWN_AWAY`.

    Args:
        dialog: The client's dialog.
        argument: The number of octets, and LAST.

    Returns:
        None if octets follow; else the reply to the chunk, or a Deferred of it.
    """
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        return _lost(dialog, replies.syntax_501(_VERB.syntax))
    size, last = int(match[1]), match[2] is not None
    transaction = dialog.transaction
    assert transaction is not None
    if transaction.state is ENVELOPE:
        begin_message(dialog)
        dialog.go_on(State.CHUNK)
    message = transaction.message
    limit = dialog.settings.max_message_bytes
    if limit and message.received + size > limit:
        message.exceed()
        if _too_long(dialog, size):
            return _not_read(dialog, last)
    return _take(dialog, ChunkBody(size, message, lambda: _taken(dialog, transaction, size, last)), size)


class ChunkBody:
    """
    The octets that follow BDAT: a number of them, the sender's own.

    Args:
        size: The number of octets.
        message: Takes them; None if they are discarded.
        end: Answers for the chunk.
    """

    def __init__(self, size: int, message: Message | None, end: Callable[[], Answer]) -> None:
        self._remaining = size
        self._message = message
        self._end = end

    def feed(self, data: bytes, start: int) -> int:
        """
        Take octets.

        Args:
            data: What has come.
            start: The index of the first octet.

        Returns:
            The index behind the end of the body, or -1 if more is to come.
        """
        chunk = data[start : start + self._remaining]
        self._remaining -= len(chunk)
        if chunk and self._message is not None:
            self._message.write(chunk)
        return -1 if self._remaining else start + len(chunk)

    def end(self) -> Answer:
        """
        Answer for the chunk.

        Returns:
            As `bdat` does.
        """
        return self._end()


def _taken(dialog: ServerDialog, transaction: Transaction, size: int, last: bool) -> Answer:
    if last:
        return end_message(dialog)
    if transaction.message.full:  # the next chunk has to wait for the reader, and the client for this answer
        return transaction.message.drained().addCallback(lambda _: _chunk_reply(transaction, size))
    return _chunk_reply(transaction, size)


def _chunk_reply(transaction: Transaction, size: int) -> Reply:
    if transaction.message.too_big:
        return replies.too_big_552(transaction.queue_id)
    return transaction.failure or chunk_250(size)


def _refuse(dialog: ServerDialog, argument: str, reply: Reply) -> Answer:
    """Reject a chunk that is not legal now; its octets come all the same, and are never commands."""
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        return _lost(dialog, reply)
    size = int(match[1])
    if _too_long(dialog, size):
        return _lost(dialog, reply)
    return _take(dialog, ChunkBody(size, None, lambda: reply), size)


def _take(dialog: ServerDialog, body: ChunkBody, size: int) -> Answer:
    if not size:
        return body.end()
    dialog.body = body
    return None


def _too_long(dialog: ServerDialog, size: int) -> bool:
    """Return whether the octets of a rejected chunk are not read."""
    if size <= THROWN_AWAY:
        return False
    limit = dialog.settings.max_message_bytes
    return 0 < limit < size - THROWN_AWAY


def _not_read(dialog: ServerDialog, last: bool) -> Answer:
    """Answer for the message, or for the chunk where it is not the last, and close."""
    if last:  # under LMTP with a reply for each recipient
        closed: Answer = then(end_message(dialog), lambda _: dialog.close())
        return closed
    return _lost(dialog, replies.too_big_552(dialog.queue_id))


def _lost(dialog: ServerDialog, reply: Reply) -> Answer:
    """Close: what follows cannot be understood, since its octets are not counted, or not read."""
    dialog.say_goodbye(reply)
    return None


_VERB = Verb("BDAT", bdat, "BDAT octets [LAST]", frozenset({State.RCPT, State.CHUNK}), refuse=_refuse)

CHUNKING = Extension("CHUNKING", "RFC 3030", verbs=(_VERB,))
