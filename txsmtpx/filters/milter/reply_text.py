"""
The text of SMFIR_REPLYCODE, and the reply that it means.

libmilter doubles each percent sign, since Sendmail takes the text for a format.
"""

from __future__ import annotations

from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.grammar.reply import Reply, ReplyParser

SUBJECT_AND_DETAIL = (7, 1)
"""Of the enhanced code of a reply that has none: not authorized (RFC 3463 §3.8)."""


def reply_of(text: bytes) -> Reply:
    r"""
    Return the reply that a text means.

    Args:
        text: The lines of the reply, with their codes, separated by CRLF.

    Returns:
        The reply: 4xx or 5xx, with an enhanced code.

    Raises:
        MilterProtocolError: The text is not such a reply.

    Example:
        >>> reply_of(b"550-5.7.1 100%% spam\r\n550 5.7.1 Go away")
        Reply(550, (5, 7, 1), '100% spam', 'Go away')
    """
    parser = ReplyParser()
    found = None
    for line in _without_doubles(text).split(b"\r\n"):
        if found is not None:
            raise MilterProtocolError(f"more than one reply: {text[:100]!r}")
        try:
            found = parser.feed(line)
        except ValueError as error:
            raise MilterProtocolError(str(error)) from error
    if found is None or found.positive:
        raise MilterProtocolError(f"not a reply of 4xx or 5xx: {text[:100]!r}")
    if found.enhanced_code is None:
        return Reply(found.code, (found.code // 100, *SUBJECT_AND_DETAIL), *found.lines)
    return found


def text_of(reply: Reply) -> bytes:
    """
    Return the text for a reply; the inverse of `reply_of`.

    Args:
        reply: The reply.

    Returns:
        The text.

    Example:
        >>> text_of(Reply(451, (4, 7, 1), "Try again"))
        b'451 4.7.1 Try again'
    """
    return reply.encode().removesuffix(b"\r\n").replace(b"%", b"%%")


def _without_doubles(text: bytes) -> bytes:
    """Replace each "%%" by "%", and remove each other percent sign, as Postfix does."""
    return b"%".join(part.replace(b"%", b"") for part in text.split(b"%%"))
