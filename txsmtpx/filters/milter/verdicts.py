"""
The verdicts of a milter, as verdicts for `txsmtpx.FilterBackend`.

The replies are those of Postfix.  Instead of the greeting a server can send 421 and 554 only (RFC 5321 §3.1),
so at the connect a reply of the milter keeps its text and gets one of these codes.
"""

from __future__ import annotations

from collections.abc import Sequence

from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.reply_text import reply_of
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Discard, Verdict
from txsmtpx.interfaces.change import Change

REJECTED_550 = Reply(550, (5, 7, 1), "Command rejected")
"""To what a milter rejects without a reply of its own (SMFIR_REJECT)."""

REJECTED_451 = Reply(451, (4, 7, 1), "Service unavailable - try again later")
"""To what a milter defers without a reply of its own (SMFIR_TEMPFAIL)."""

SHUTDOWN_421 = Reply(421, (4, 7, 0), "Service unavailable")
"""To a client whose connection a milter closes (SMFIR_SHUTDOWN, SMFIR_CONN_FAIL)."""

_FIXED = {
    replies.Reject: REJECTED_550,
    replies.TemporaryFailure: REJECTED_451,
    replies.Shutdown: SHUTDOWN_421,
    replies.ConnectionFailure: SHUTDOWN_421,
}
_INSTEAD_OF_GREETING = frozenset({421, 521, 554})


def verdict_of(verdict: replies.Verdict, changes: Sequence[Change] = ()) -> Verdict:
    """
    Return what a verdict means.

    Args:
        verdict: The verdict of the milter.
        changes: The changes that it has asked for.

    Returns:
        The verdict.

    Raises:
        MilterProtocolError: The text of a reply is malformed.

    Example:
        >>> verdict_of(replies.Reject())
        Reply(550, (5, 7, 1), 'Command rejected')
    """
    if isinstance(verdict, replies.ReplyCode):
        return reply_of(verdict.text)
    if isinstance(verdict, replies.DiscardMessage):
        return Discard()
    if isinstance(verdict, replies.AcceptAll):
        return Accept(changes=changes, final=True)
    return _FIXED.get(type(verdict)) or (Accept(changes=changes) if changes else None)


def instead_of_greeting(verdict: Verdict) -> Verdict:
    """
    Return a verdict that is possible before the greeting.

    Args:
        verdict: The verdict.

    Returns:
        The verdict; for a reply, 421 if it was temporary, and 554 otherwise, with the same text.

    Example:
        >>> instead_of_greeting(Reply(550, (5, 7, 1), "Command rejected"))
        Reply(554, (5, 7, 1), 'Command rejected')
    """
    if not isinstance(verdict, Reply) or verdict.code in _INSTEAD_OF_GREETING:
        return verdict
    return Reply(421 if verdict.temporary else 554, verdict.enhanced_code, *verdict.lines)
