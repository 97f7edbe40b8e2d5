"""
What a backend's word on a message is to the peer: RFC 5321 §4.2.5, RFC 2033 §4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

log = Logger(__name__)

_MOST_SHOWN = 200
"""Characters that the log shows of what a backend gave and may not give, such as a whole message."""


def fits(said: object) -> bool:
    """
    Whether a backend may answer with ``said``: a `Reply` of 2xx, 4xx or 5xx, but not 221.

    3xx asks the client for more input, and 221 says that the connection is closed (RFC 5321 §4.2.1): only the dialog
    keeps such promises.  It keeps that of 421, by closing the connection.
    """
    return isinstance(said, Reply) and said.code // 100 != 3 and said.code != 221


def accepts(said: object) -> bool:
    """Whether ``said`` is a yes of a backend to MAIL or RCPT."""
    return said is None or (isinstance(said, Reply) and said.positive and fits(said))


def answer(said: object, session: object, method: str) -> Reply:
    """
    ``said``, which ``method`` of ``session`` gave.

    Raises:
        TypeError: A backend may not answer so.
    """
    if isinstance(said, Reply) and fits(said):
        return said
    name = f"{type(session).__qualname__}.{method}()"
    raise TypeError(f"{name} gave {_shown(said)}, which is neither None nor a Reply of 2xx, 4xx or 5xx other than 221")


def refusal(failure: Failure, session_id: str, queue_id: str, what: str) -> Reply:
    """The answer to ``failure``: that of an `SMTPError`; for anything else 451, without a word of it."""
    if isinstance(failure.value, SMTPError) and fits(failure.value.reply):
        return failure.value.reply
    text = "session={session} queue={queue} {what} failed"
    log.failure(text, failure=failure, what=what, session=session_id, queue=queue_id)
    return replies.local_error_451(queue_id)


def outcome_of(status: Any, session_id: str, queue_id: str, source: str) -> Reply:
    """
    A status as a reply: None is a yes, a `Reply` and a ``str`` have their own words, the rest is no.

    Args:
        source: What gave it, for the log.
    """
    if status is None:
        return replies.queued_250(queue_id)
    if isinstance(status, Reply) and fits(status):
        return status
    if isinstance(status, str):
        return replies.delivered_250(status)
    if not isinstance(status, Failure):
        given = _shown(status)
        wrong = TypeError(f"{source} gave {given}, which is no outcome: None, a str, or a Reply but 3xx and 221")
        status = Failure(status if isinstance(status, BaseException) else wrong)
    return refusal(status, session_id, queue_id, source)


def _shown(said: object) -> str:
    """``said`` for the log, also where its own ``__repr__`` fails."""
    try:
        text = repr(said)
    except BaseException:
        text = f"a {type(said).__qualname__} that cannot be shown"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...[+{len(text) - _MOST_SHOWN}]"


def chosen(choose: Callable[[], object], session_id: str, queue_id: str, source: str) -> Reply:
    """The reply that a function of the server's user makes; 451 where it makes none."""
    try:
        reply = choose()
        if isinstance(reply, Reply) and fits(reply):
            return reply
        raise TypeError(f"{source} gave {_shown(reply)}, which is not a Reply of 2xx, 4xx or 5xx other than 221")
    except BaseException:
        return refusal(Failure(), session_id, queue_id, source)


def for_recipient(recipient: str, reply: Reply) -> Reply:
    """
    LMTP's reply for one recipient: it begins with whom it is for, unless it does already.

    421 would end the connection in the middle of the others' replies, so it loses that meaning.
    """
    first, *rest = reply.lines
    if not first.startswith("<"):
        first = f"{replies.shown(recipient)} {first}"
    return Reply(451 if reply.code == 421 else reply.code, reply.enhanced_code, first, *rest)
