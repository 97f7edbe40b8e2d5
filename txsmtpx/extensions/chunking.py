"""
RFC 3030: CHUNKING, a message in counted pieces, by BDAT.  The octets of a refused piece are read and thrown away, and
the session goes on.  If a piece is more than 1 MiB longer than a message may be, it is answered 552 5.3.4 before its
octets come, and the connection is closed.
"""

from __future__ import annotations

import re
from typing import Any

from txsmtpx.dialog.body import ChunkBody
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.message import Message
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.state import State
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply


def chunk_250(octets: int) -> Reply:
    """RFC 3030 §2: a chunk that is not the last."""
    return Reply(250, (2, 0, 0), f"{octets} octets received")


THROWN_AWAY = 1024 * 1024
"""
Octets that a refused chunk may have beyond ``max_message_bytes``: it is read and thrown away, and the session goes on.

The octets of a longer one are not read: the connection is closed with the reply.  Postfix reads a refused chunk of any
size to its end, and so waits for as many octets as a client has announced.
"""

_ARGUMENT = re.compile(r"([0-9]{1,19})( +LAST)?", re.ASCII | re.IGNORECASE)


def bdat(dialog: ServerDialog, argument: str) -> Any:
    """
    §2.  A chunk too many spoils the message, but not the framing: its octets, and all that follow, are counted.

    A chunk that is far too big is refused before its octets come, see `THROWN_AWAY`.
    """
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        return _lost(dialog, replies.syntax_501(_VERB.syntax))
    size, last = int(match[1]), match[2] is not None
    message = dialog.message
    if message is None:
        message = dialog.begin_message()
        dialog.expect_chunks()
    limit = dialog.settings.max_message_bytes
    if limit and message.received + size > limit:
        message.exceed()
        if _too_long(dialog, size):
            return _not_read(dialog, last)
    return _take(dialog, ChunkBody(size, message), size, lambda: _taken(dialog, size, last))


def _taken(dialog: ServerDialog, size: int, last: bool) -> Any:
    if last:
        return dialog.end_message()
    message, context = dialog.message, dialog.context
    assert message is not None and context is not None
    if message.full:  # the next chunk has to wait for the reader, and the client for this answer
        return message.drained().addCallback(lambda _: _chunk_reply(message, context, size))
    return _chunk_reply(message, context, size)


def _chunk_reply(message: Message, context: DataContext, size: int) -> Reply:
    if message.too_big:
        return replies.too_big_552(context.queue_id)
    return context.failure or chunk_250(size)


def _refuse(dialog: ServerDialog, argument: str, reply: Reply) -> Any:
    """Not now, or not here: the octets come all the same, and are never commands."""
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        return _lost(dialog, reply)
    size = int(match[1])
    if _too_long(dialog, size):
        return _lost(dialog, reply)
    return _take(dialog, ChunkBody(size, None), size, lambda: reply)


def _take(dialog: ServerDialog, body: ChunkBody, size: int, done: Any) -> Any:
    if not size:
        return done()
    dialog.expect_body(body, done)
    return None


def _too_long(dialog: ServerDialog, size: int) -> bool:
    """Whether the octets of a refused chunk are not read."""
    if size <= THROWN_AWAY:
        return False
    limit = dialog.settings.max_message_bytes
    return 0 < limit < size - THROWN_AWAY


def _not_read(dialog: ServerDialog, last: bool) -> Any:
    """Answer for the message, or for the chunk where it is not the last, and close."""
    if last:  # under LMTP with a reply for each recipient
        return dialog.ask(dialog.end_message(), lambda _: dialog.close())
    return _lost(dialog, replies.too_big_552(dialog.queue_id))


def _lost(dialog: ServerDialog, reply: Reply) -> None:
    """What follows cannot be understood any more: its octets are not counted, or not read."""
    dialog.say_goodbye(reply)


_VERB = Verb("BDAT", bdat, "BDAT octets [LAST]", frozenset({State.RCPT, State.CHUNK}), refuse=_refuse)

CHUNKING = Extension("CHUNKING", "RFC 3030", verbs=(_VERB,))
